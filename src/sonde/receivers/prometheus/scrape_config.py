"""Prometheus' configuration of scraping, as people have it in their files: ``global`` and ``scrape_configs``.

All that is wrong is reported at once, each with its line and column. What is valid but not done here is an error too.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from sonde.errors import UserError
from sonde.receivers.prometheus.config_problems import Problems, keys_below
from sonde.receivers.prometheus.config_values import (
    AtKey,
    Count,
    LabelTexts,
    LowerCase,
    Milliseconds,
    Section,
    Size,
    Texts,
    refuse_unsupported,
)
from sonde.receivers.prometheus.discovery.config import (
    DnsSdConfig,
    DockerSdConfig,
    FileSdConfig,
    HttpSdConfig,
    StaticConfig,
)
from sonde.receivers.prometheus.exposition.formats import DEFAULT_PROTOCOLS, ScrapeProtocol
from sonde.receivers.prometheus.http_config import HttpConfig
from sonde.receivers.prometheus.relabel import Action, Rule, validate
from sonde.receivers.prometheus.yaml_tree import YamlTree, parse_yaml

_SUPPORTED_SD: Final = ("static_configs", "file_sd_configs", "http_sd_configs", "dns_sd_configs", "docker_sd_configs")
ELSEWHERE: Final = frozenset({"alerting", "remote_write", "remote_read", "storage", "tracing", "otlp", "runtime"})
"""Sections of Prometheus' own that are not about scraping."""
_NOT_DONE: Final = {
    "convert_classic_histograms_to_nhcb": (
        "convert_classic_histograms_to_nhcb is not supported: classic histograms are kept as they are"
    ),
    "native_histogram_bucket_limit": (
        "native_histogram_bucket_limit is not supported: buckets of native histograms are not merged"
    ),
    "native_histogram_min_bucket_factor": (
        "native_histogram_min_bucket_factor is not supported: buckets of native histograms are not merged"
    ),
    "scrape_failure_log_file": (
        "scrape_failure_log_file is not supported: failures stand at the target and in the server's log"
    ),
    "query_log_file": "query_log_file is not supported: queries are not logged to a file",
}
_EVALUATION: Final = {"evaluation_interval", "rule_query_offset"}
_VARIABLE: Final = re.compile(r"\$(?:(\$)|(\w+)|\{([^}]*)\})")

Escaping = Literal["allow-utf-8", "underscores", "dots", "values"]
Protocols = Annotated[tuple[ScrapeProtocol, ...], Field(min_length=1)]


def _refuse_not_done(given: Any) -> Any:
    """Say no to what is not done, and take the same keys with the value that changes nothing."""
    return refuse_unsupported(given, _NOT_DONE)


class _Shared(Section):
    """What a job has of its own or takes from ``global``."""

    scrape_interval: Milliseconds = 0
    scrape_timeout: Milliseconds = 0
    scrape_protocols: Protocols | None = None
    scrape_native_histograms: bool | None = None
    always_scrape_classic_histograms: bool | None = None
    extra_scrape_metrics: bool | None = None
    body_size_limit: Size = 0
    sample_limit: Count = 0
    target_limit: Count = 0
    label_limit: Count = 0
    label_name_length_limit: Count = 0
    label_value_length_limit: Count = 0
    keep_dropped_targets: Count = 0
    metric_name_validation_scheme: Annotated[Literal["", "utf8", "legacy"], LowerCase] = ""
    metric_name_escaping_scheme: Escaping | Literal[""] = ""

    @field_validator("scrape_protocols")
    @classmethod
    def _each_once(cls, value: tuple[ScrapeProtocol, ...] | None) -> tuple[ScrapeProtocol, ...] | None:
        if value and len(set(value)) != len(value):
            raise ValueError("duplicated protocol in scrape_protocols")
        return value


class GlobalConfig(_Shared):
    """What holds for all jobs that do not say otherwise."""

    external_labels: LabelTexts = Field(default_factory=dict)
    evaluation_interval: Milliseconds = 60_000
    """Of rules."""
    rule_query_offset: Milliseconds = 0
    """Of rules."""

    _not_done = model_validator(mode="before")(_refuse_not_done)

    @model_validator(mode="after")
    def _timeout_fits(self) -> Self:
        if self.scrape_timeout > (self.scrape_interval or 60_000):
            raise ValueError("global scrape timeout greater than scrape interval")
        return self


class RelabelConfig(Section):
    """One rule of relabelling, as it is written; ``rule`` makes it one that can be applied."""

    action: Annotated[Action, LowerCase] = "replace"
    source_labels: Texts = ()
    separator: str = ";"
    regex: str = "(.*)"
    modulus: Count = 0
    target_label: str = ""
    replacement: str = "$1"

    @model_validator(mode="before")
    @classmethod
    def _empty_texts(cls, given: Any) -> Any:
        if given is None:
            raise ValueError("empty or null relabeling rule")
        return (
            {k: "" if v is None and k != "source_labels" else v for k, v in given.items()}
            if isinstance(given, dict)
            else given
        )

    def rule(self, *, legacy_names: bool = False) -> Rule:
        """The rule; raises ``UserError`` for a regular expression that RE2 does not read."""
        return Rule(**self.model_dump(), legacy_names=legacy_names)


class ScrapeConfig(HttpConfig, _Shared):
    """One job. What it takes from ``global`` is filled in by ``parse_scrape_configs``."""

    job_name: Annotated[str, Field(min_length=1)]
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    params: Mapping[str, Texts] = {}
    metrics_path: str = "/metrics"
    scheme: Literal["http", "https"] = "http"
    enable_compression: bool = True
    fallback_scrape_protocol: ScrapeProtocol | None = None
    relabel_configs: tuple[RelabelConfig, ...] = ()
    metric_relabel_configs: tuple[RelabelConfig, ...] = ()
    static_configs: tuple[StaticConfig, ...] = ()
    file_sd_configs: tuple[FileSdConfig, ...] = ()
    http_sd_configs: tuple[HttpSdConfig, ...] = ()
    dns_sd_configs: tuple[DnsSdConfig, ...] = ()
    docker_sd_configs: tuple[DockerSdConfig, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _supported(cls, given: Any) -> Any:
        given = _refuse_not_done(given)
        for key in given if isinstance(given, dict) else ():
            if key.endswith("_sd_configs") and key not in _SUPPORTED_SD:
                raise AtKey(key, f"{key} is not supported; targets come from {', '.join(_SUPPORTED_SD)}")
        return given

    @model_validator(mode="after")
    def _timeout_fits(self) -> Self:
        if self.scrape_interval and self.scrape_timeout > self.scrape_interval:
            raise ValueError(
                f"scrape timeout greater than scrape interval for scrape config with job name {self.job_name!r}"
            )
        if not self.relabel_configs:
            for group in self.static_configs:
                for target in group.targets:
                    if "/" in target:
                        raise ValueError(
                            f"{target!r} is not a valid hostname; set scheme and metrics_path for the rest"
                        )
        return self

    @property
    def legacy_names(self) -> bool:
        """Whether names are of letters, digits and underscores only."""
        return self.metric_name_validation_scheme == "legacy"

    def rules(self) -> tuple[Rule, ...]:
        """The rules for targets."""
        return tuple(config.rule(legacy_names=self.legacy_names) for config in self.relabel_configs)

    def metric_rules(self) -> tuple[Rule, ...]:
        """The rules for the series of targets."""
        return tuple(config.rule(legacy_names=self.legacy_names) for config in self.metric_relabel_configs)


class _Document(Section):
    global_: Annotated[GlobalConfig, Field(alias="global")] = GlobalConfig()
    scrape_configs: Annotated[tuple[ScrapeConfig, ...], BeforeValidator(lambda given: given or ())] = ()
    scrape_config_files: Texts = ()
    rule_files: Texts = ()

    @model_validator(mode="before")
    @classmethod
    def _may_be_empty(cls, given: Any) -> Any:
        return {} if given is None else given


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What the file says of rules; it is read here, and told to who evaluates them."""

    files: tuple[str, ...] = ()
    """Patterns of rule files, absolute."""
    evaluation_interval: int = 60_000
    query_offset: int = 0


@dataclass(frozen=True, slots=True)
class ScrapeConfigs:
    """What is to be scraped. ``text`` is the configuration as it may be shown: without secrets."""

    jobs: tuple[ScrapeConfig, ...] = ()
    external_labels: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    others: tuple[str, ...] = ()
    """The file's sections that somebody else takes care of."""
    rules: RuleSettings = RuleSettings()


def load_scrape_configs(file: Path, *, elsewhere: Collection[str] = ()) -> ScrapeConfigs:
    """Read a configuration file, and the ``scrape_config_files`` that it names.

    Raises:
        UserError: As ``parse_scrape_configs``, or the file cannot be read.
    """
    return parse_scrape_configs(_read(file), source=str(file), directory=file.parent, elsewhere=elsewhere)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"{file} cannot be read: {reason}", code="scrape.config") from error


def parse_scrape_configs(
    text: str,
    *,
    source: str = "scrape configuration",
    directory: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    elsewhere: Collection[str] = (),
) -> ScrapeConfigs:
    """Read Prometheus' configuration.

    Args:
        text: YAML with ``global`` and ``scrape_configs``.
        source: What it is called in messages.
        directory: What relative paths in it start from.
        environment: What ``${NAME}`` in external labels stands for.
        elsewhere: Sections that somebody else takes care of, such as ``alerting``.

    Raises:
        UserError: Something is wrong; the message has one line a problem, ``position`` is that of the first.

    >>> configs = parse_scrape_configs("scrape_configs: [{job_name: api, static_configs: [{targets: [api:8000]}]}]")
    >>> configs.jobs[0].job_name, configs.jobs[0].scrape_interval, configs.jobs[0].scrape_timeout
    ('api', 60000, 10000)
    >>> parse_scrape_configs("scrape_configs: [{job_name: api, scrape_intervall: 5s}]", source="p.yml")
    Traceback (most recent call last):
    sonde.errors.UserError: 1:34: the scrape configuration cannot be used
      p.yml:1:34: unknown key scrape_configs.0.scrape_intervall; did you mean scrape_interval? [scrape.config]
    """
    tree = parse_yaml(text, source)
    problems = Problems("the scrape configuration", "scrape.config", _KEYS)
    document = _document(tree, directory or Path(), elsewhere, problems)
    jobs = list(document.scrape_configs)
    trees = [(tree, job, place) for place, job in enumerate(jobs)]
    for pattern in document.scrape_config_files:
        for name in sorted(glob.glob(str((directory or Path()) / pattern))):  # noqa: PTH207 - a pattern may be absolute
            more = parse_yaml(_read(Path(name)), name)
            found = _document(more, Path(name).parent, (), problems)
            for key in more.value if isinstance(more.value, dict) else ():
                if key != "scrape_configs":
                    problems.add(more, (key,), f"{key} cannot stand in a file of scrape_config_files")
            trees += [(more, job, place) for place, job in enumerate(found.scrape_configs)]
    filled: list[ScrapeConfig] = []
    for origin, job, place in trees:
        try:
            filled.append(_filled(job, document.global_))
        except UserError as error:
            problems.add(origin, ("scrape_configs", place), error.message)
        else:
            _check_rules(filled[-1], origin, place, problems)
        if [each.job_name for each in filled].count(job.job_name) > 1:
            problems.add(
                origin, ("scrape_configs", place), f"found multiple scrape configs with job name {job.job_name!r}"
            )
    problems.refuse()
    external = {name: expand_variables(value, environment) for name, value in document.global_.external_labels.items()}
    others = tuple(sorted(set(elsewhere) & tree.value.keys())) if isinstance(tree.value, dict) else ()
    rules = RuleSettings(
        tuple(str((directory or Path()) / pattern) for pattern in document.rule_files),
        document.global_.evaluation_interval,
        document.global_.rule_query_offset,
    )
    return ScrapeConfigs(tuple(filled), external, tree.redacted(), others, rules)


def expand_variables(text: str, environment: Mapping[str, str]) -> str:
    """Put environment variables in; one that is not set is empty.

    >>> expand_variables("${REGION}-$$1-$NONE", {"REGION": "eu"})
    'eu-$1-'
    """
    return _VARIABLE.sub(lambda found: "$" if found[1] else environment.get(found[2] or found[3], ""), text)


def _filled(job: ScrapeConfig, common: GlobalConfig) -> ScrapeConfig:
    """A job with what it takes from ``global``, checked as a whole."""
    interval = job.scrape_interval or common.scrape_interval or 60_000
    if job.scrape_timeout > interval:
        raise UserError(f"scrape timeout greater than scrape interval for scrape config with job name {job.job_name!r}")
    native = _first(job.scrape_native_histograms, common.scrape_native_histograms, default=False)
    protocols = (
        job.scrape_protocols
        or common.scrape_protocols
        or ((ScrapeProtocol.PROTOBUF, *DEFAULT_PROTOCOLS) if native else DEFAULT_PROTOCOLS)
    )
    scheme = job.metric_name_validation_scheme or common.metric_name_validation_scheme or "utf8"
    natural: Escaping = "underscores" if scheme == "legacy" else "allow-utf-8"
    inherited = "" if job.metric_name_validation_scheme else common.metric_name_escaping_scheme
    escaping = job.metric_name_escaping_scheme or inherited or natural
    if escaping == "allow-utf-8" and scheme == "legacy":
        raise UserError("utf8 metric names requested but validation scheme is not set to UTF8")
    limits = ("body_size_limit", "sample_limit", "target_limit", "label_limit", "label_name_length_limit",
              "label_value_length_limit", "keep_dropped_targets")  # fmt: skip
    return job.model_copy(
        update={
            "scrape_interval": interval,
            "scrape_timeout": job.scrape_timeout or min(common.scrape_timeout or 10_000, interval),
            "scrape_protocols": protocols,
            "scrape_native_histograms": native,
            "always_scrape_classic_histograms": _first(
                job.always_scrape_classic_histograms, common.always_scrape_classic_histograms, default=False
            ),
            "extra_scrape_metrics": _first(job.extra_scrape_metrics, common.extra_scrape_metrics, default=False),
            "metric_name_validation_scheme": scheme,
            "metric_name_escaping_scheme": escaping,
            **{limit: getattr(job, limit) or getattr(common, limit) for limit in limits},
        }
    )


def _check_rules(job: ScrapeConfig, tree: YamlTree, place: int, problems: Problems) -> None:
    for key in ("relabel_configs", "metric_relabel_configs"):
        for number, config in enumerate(getattr(job, key)):
            try:
                validate(config.rule(legacy_names=job.legacy_names))
            except UserError as error:
                problems.add(tree, ("scrape_configs", place, key, number), error.message)


def _first(*given: bool | None, default: bool) -> bool:
    return next((value for value in given if value is not None), default)


def _document(tree: YamlTree, directory: Path, elsewhere: Collection[str], problems: Problems) -> _Document:
    value = tree.value
    if isinstance(value, dict):
        for key in ELSEWHERE & value.keys() - set(elsewhere):
            problems.add(tree, (key,), f"{key} is not supported here; take the section out")
        value = {key: section for key, section in value.items() if key not in ELSEWHERE and key not in elsewhere}
    try:
        return _Document.model_validate(value, context={"directory": directory})
    except ValidationError as error:
        problems.report(tree, error)
        problems.refuse()
        raise


_KEYS: Final = keys_below(_Document)
