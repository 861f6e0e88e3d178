"""From what discovery found to what is scraped: default labels, relabelling, the URL, the interval.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from sonde.errors import UserError
from sonde.receivers.prometheus.discovery.target_group import ADDRESS, META_PREFIX, TargetGroup
from sonde.receivers.prometheus.relabel import Rule, relabel
from sonde.receivers.prometheus.scrape_config import ScrapeConfig
from sonde.telemetry.duration import duration_text, parse_strict_nanoseconds
from sonde.telemetry.labels import Labels, labels_of

SCHEME: Final = "__scheme__"
METRICS_PATH: Final = "__metrics_path__"
INTERVAL: Final = "__scrape_interval__"
TIMEOUT: Final = "__scrape_timeout__"
PARAM_PREFIX: Final = "__param_"
RESERVED_PREFIX: Final = "__"


@dataclass(frozen=True, slots=True)
class ScrapedTarget:
    """Something to be scraped. Two with the same ``key`` are one."""

    every_label: Labels
    """After relabelling, with those that begin with ``__`` but not ``__meta_``."""
    discovered: Labels
    """Before relabelling."""
    url: str
    interval_milli: int
    timeout_milli: int

    @property
    def labels(self) -> Labels:
        """What its series get."""
        return tuple(pair for pair in self.every_label if not pair[0].startswith(RESERVED_PREFIX))

    @property
    def key(self) -> tuple[Labels, str]:
        """What it is known by."""
        return self.every_label, self.url


@dataclass(frozen=True, slots=True)
class Sorted:
    """The targets of some groups: to be scraped; dropped by relabelling, as they were discovered; and what is wrong."""

    active: tuple[ScrapedTarget, ...]
    dropped: tuple[Labels, ...]
    errors: tuple[str, ...]


def targets_of(job: ScrapeConfig, groups: Iterable[TargetGroup]) -> Sorted:
    """Make the targets of a job, each once.

    >>> from sonde.receivers.prometheus.scrape_config import parse_scrape_configs
    >>> job = parse_scrape_configs("scrape_configs: [{job_name: api, params: {m: [a, b]}}]").jobs[0]
    >>> [target] = targets_of(job, [TargetGroup("0", ((("__address__", "api:8000"),),), (("env", "dev"),))]).active
    >>> target.url, target.labels
    ('http://api:8000/metrics?m=a&m=b', (('env', 'dev'), ('instance', 'api:8000'), ('job', 'api')))
    """
    rules = job.rules()
    active: dict[tuple[Labels, str], ScrapedTarget] = {}
    dropped: list[Labels] = []
    errors: list[str] = []
    for group in groups:
        for place, own in enumerate(group.targets):
            discovered = _discovered(job, group, own)
            try:
                target = _target(job, rules, discovered)
            except UserError as error:
                errors.append(f"target {place} of {group.source}: {error.message}")
                continue
            if target is None:
                dropped.append(labels_of(discovered))
            else:
                active.setdefault(target.key, target)
    return Sorted(tuple(active.values()), tuple(dropped), tuple(errors))


def _discovered(job: ScrapeConfig, group: TargetGroup, own: Labels) -> dict[str, str]:
    """The labels before relabelling."""
    labels = {**dict(group.labels), **dict(own)}
    defaults = {
        "job": job.job_name,
        INTERVAL: duration_text(job.scrape_interval),
        TIMEOUT: duration_text(job.scrape_timeout),
        METRICS_PATH: job.metrics_path,
        SCHEME: job.scheme,
        **{PARAM_PREFIX + name: values[0] for name, values in job.params.items() if values},
    }
    for name, value in defaults.items():
        labels[name] = labels.get(name) or value
    return labels


def _target(job: ScrapeConfig, rules: tuple[Rule, ...], discovered: Mapping[str, str]) -> ScrapedTarget | None:
    labels = relabel(discovered, rules)
    if labels is None:
        return None
    address = labels.get(ADDRESS, "")
    if not address:
        raise UserError("no address", code="scrape.target")
    if "/" in address:
        raise UserError(f'"{address}" is not a valid hostname', code="scrape.target")
    interval, timeout = _milliseconds(labels, INTERVAL, "interval"), _milliseconds(labels, TIMEOUT, "timeout")
    if timeout > interval:
        raise UserError(
            f'scrape timeout cannot be greater than scrape interval ("{labels[TIMEOUT]}" > "{labels[INTERVAL]}")',
            code="scrape.target",
        )
    kept = {name: value for name, value in labels.items() if not name.startswith(META_PREFIX)}
    kept.setdefault("instance", address)
    return ScrapedTarget(labels_of(kept), labels_of(discovered), _url(job, kept), interval, timeout)


def _milliseconds(labels: Mapping[str, str], name: str, what: str) -> int:
    text = labels.get(name, "")
    try:
        milliseconds = 0 if text == "0" else parse_strict_nanoseconds(text) // 10**6
    except UserError as error:
        raise UserError(f"error parsing scrape {what}: {error.message}", code="scrape.target") from None
    if not milliseconds:
        raise UserError(f"scrape {what} cannot be 0", code="scrape.target")
    return milliseconds


def _url(job: ScrapeConfig, labels: Mapping[str, str]) -> str:
    parameters = {name: list(values) for name, values in job.params.items()}
    for label, value in labels.items():
        if label.startswith(PARAM_PREFIX):
            name = label.removeprefix(PARAM_PREFIX)
            parameters[name] = [value, *parameters.get(name, [])[1:]]
    query = urlencode(sorted(parameters.items()), doseq=True)
    path = quote(labels.get(METRICS_PATH, ""), safe="/$&+,:;=@!'()*~")
    return (
        f"{labels.get(SCHEME, '')}://{labels[ADDRESS]}{'' if path[:1] in {'', '/'} else '/'}{path}"
        f"{'?' if query else ''}{query}"
    )


def offset_nano(target: ScrapedTarget, seed: str, interval_nano: int) -> int:
    """Where in each interval a target has its turn: always the same, and different from server to server.

    >>> target = ScrapedTarget((("instance", "a"),), (), "http://a/metrics", 15_000, 10_000)
    >>> 0 <= offset_nano(target, "server", 15 * 10**9) < 15 * 10**9
    True
    """
    digest = hashlib.blake2b(repr((target.key, seed)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % interval_nano
