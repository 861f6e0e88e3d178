"""What the collectors give: metric families with samples, ready for the same way that scraped samples go.

A collector is an exporter that lives inside Sonde (``host``, ``process``, ``containers``, ``postgres``, ``redis``). It
uses the names, types and labels of the exporter that people know, so that their dashboards and alerts go on to work.
Whoever schedules asks it to ``collect`` and adds ``job`` and ``instance`` as it does for a scraped target; ``to_text``
shows the same families in the exposition format.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from sonde.telemetry.labels import Labels, labels_of

Type = Literal["counter", "gauge", "histogram", "summary", "untyped"]
"""The types of the text format. What OpenMetrics calls ``unknown`` is ``untyped`` here."""


class Sample(NamedTuple):
    """One value of a family.

    ``suffix`` follows the family's name: ``_bucket``, ``_sum`` and ``_count`` of histograms and summaries.
    """

    labels: Labels
    value: float
    suffix: str = ""


class Family(NamedTuple):
    """A metric's name, type and help text with all its samples; ``name`` is what the ``# TYPE`` line says."""

    name: str
    type: Type
    help: str
    samples: Sequence[Sample]


class Collector(Protocol):
    """One thing to be watched: this machine, its processes, its containers, a PostgreSQL, a Redis."""

    @property
    def job(self) -> str:
        """The value for the label ``job``: what the exporter's users call it, such as ``node``."""

    @property
    def instance(self) -> str:
        """The value for the label ``instance``: the machine's name or ``host:port``; never with credentials."""

    async def collect(self) -> Sequence[Family]:
        """Look now. Never raises for what is watched: a part that fails says so in its success metric and one log line.

        Each family's name appears once.
        """

    async def close(self) -> None:
        """Give back connections; ``collect`` is not called any more."""


Rows = float | Iterable[tuple[Mapping[str, str], float]]
"""The values of a family: one number without labels, or pairs of labels and number."""


def counter(name: str, text: str, rows: Rows) -> Family:
    """A family that only goes up.

    >>> counter("node_forks_total", "Total number of forks.", 7)
    Family(name='node_forks_total', type='counter', help='Total number of forks.', samples=(Sample(labels=(), value=7.0, suffix=''),))
    """  # noqa: E501 - one line of output
    return Family(name, "counter", text, _samples(rows))


def gauge(name: str, text: str, rows: Rows) -> Family:
    """A family that goes up and down.

    >>> gauge("node_cpu_online", "Online.", [({"cpu": "0"}, 1)]).samples
    (Sample(labels=(('cpu', '0'),), value=1.0, suffix=''),)
    """
    return Family(name, "gauge", text, _samples(rows))


def untyped(name: str, text: str, rows: Rows) -> Family:
    """A family whose exporter does not say whether it is a counter.

    >>> untyped("node_vmstat_pgfault", "/proc/vmstat information field pgfault.", 1).type
    'untyped'
    """
    return Family(name, "untyped", text, _samples(rows))


def _samples(rows: Rows) -> tuple[Sample, ...]:
    if isinstance(rows, int | float):
        return (Sample((), float(rows)),)
    return tuple(Sample(labels_of(labels), float(value)) for labels, value in rows)


def merged(families: Iterable[Family]) -> list[Family]:
    """The families with each name once and in order; families without samples are left out.

    >>> first, second = gauge("up", "Up.", [({"db": "a"}, 1)]), gauge("up", "Up.", [({"db": "b"}, 0)])
    >>> [(family.name, len(family.samples)) for family in merged([first, second, gauge("none", "Nothing.", [])])]
    [('up', 2)]
    """
    by_name: dict[str, Family] = {}
    for family in families:
        known = by_name.get(family.name)
        by_name[family.name] = family._replace(samples=(*known.samples, *family.samples)) if known else family
    return [by_name[name] for name in sorted(by_name) if by_name[name].samples]


def to_text(families: Iterable[Family]) -> str:
    r"""The families in the text exposition format, ordered by name and labels.

    >>> print(to_text([gauge("disk_free", "Free\nspace.", [({"path": 'C:\\"x"'}, 1.5), ({"path": "/"}, 10)])]), end="")
    # HELP disk_free Free\nspace.
    # TYPE disk_free gauge
    disk_free{path="/"} 10
    disk_free{path="C:\\\"x\""} 1.5
    """
    lines: list[str] = []
    for family in merged(families):
        lines.append(f"# HELP {family.name} {_escape(family.help)}")
        lines.append(f"# TYPE {family.name} {family.type}")
        # Buckets and quantiles stay in the order of their bounds, with their sum and count.
        samples = family.samples if family.type in {"histogram", "summary"} else sorted(family.samples)
        lines += [f"{family.name}{sample.suffix}{_braces(sample.labels)} {_number(sample.value)}" for sample in samples]
    return "".join(f"{line}\n" for line in lines)


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escape(value, quotes=True)}"' for name, value in labels)
    return "{" + ",".join(pairs) + "}"


def _escape(text: str, *, quotes: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quotes else escaped


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(value)
