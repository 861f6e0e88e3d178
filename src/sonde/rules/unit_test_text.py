"""What was expected and what was found, as promtool writes it; and results as JUnit has them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from sonde.telemetry.labels import Labels
from sonde.telemetry.quoting import quote

_PLAIN_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_INDENT: Final = " " * 12


def labels_text(labels: Labels) -> str:
    """Labels in braces, the metric's name among them.

    >>> print(labels_text((("__name__", "up"), ("k8s.pod", "a"))))
    {__name__="up", "k8s.pod"="a"}
    """
    parts = [f"{name if _PLAIN_NAME.fullmatch(name) else quote(name)}={quote(value)}" for name, value in labels]
    return f"{{{', '.join(parts)}}}"


def alerts_text(alerts: Sequence[tuple[Labels, Labels]]) -> str:
    """Alerts, each with its labels and annotations.

    >>> print(alerts_text([]))
    []
    """
    if not alerts:
        return "[]"
    parts = [
        f"{number}:\n  Labels:{labels_text(labels)}\n  Annotations:{labels_text(annotations)}"
        for number, (labels, annotations) in enumerate(alerts)
    ]
    return _indented("[\n" + ",\n".join(parts) + "\n]")


def samples_text(samples: Sequence[tuple[Labels, float | str]]) -> str:
    """Samples; a text is a histogram.

    >>> samples_text([((("a", "b"),), 1.5)]), samples_text([])
    ('{a="b"} 1.5E+00', 'nil')
    """
    if not samples:
        return "nil"
    shown = ((labels, value if isinstance(value, str) else exponent_text(value)) for labels, value in samples)
    return ", ".join(f"{labels_text(labels)} {value}" for labels, value in shown)


def exponent_text(value: float) -> str:
    """A number as Go's format ``E`` has it, as short as possible.

    >>> [exponent_text(value) for value in (0.0, 150.0, 0.001, -math.inf)]
    ['0E+00', '1.5E+02', '1E-03', '-Inf']
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0E+00" if math.copysign(1, value) < 0 else "0E+00"
    sign, digits, last = Decimal(repr(value)).as_tuple()
    exponent = int(last) + len(digits) - 1
    figures = "".join(map(str, digits)).rstrip("0")
    fraction = f".{figures[1:]}" if len(figures) > 1 else ""
    return f"{'-' if sign else ''}{figures[0]}{fraction}E{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def go_duration(nano: int) -> str:
    """A duration as Go prints it.

    >>> go_duration(0), go_duration(60 * 10**9), go_duration(3_661_500 * 10**6)
    ('0s', '1m0s', '1h1m1.5s')
    """
    if abs(nano) < 10**9:
        return "0s" if nano == 0 else f"{nano / 10**6:g}ms"
    minutes, rest = divmod(abs(nano), 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 10**9:.9f}".rstrip("0").rstrip(".")
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{'-' if nano < 0 else ''}{head}{seconds}s"


@dataclass(frozen=True, slots=True)
class Suite:
    """The results of one file: what made it stop, or its tests with what has failed in them."""

    name: str
    timestamp: str = ""
    error: str = ""
    cases: tuple[tuple[str, tuple[str, ...]], ...] = ()


def junit_xml(suites: Sequence[Suite]) -> str:
    """Results as JUnit has them.

    >>> junit_xml([Suite("t.yml", cases=(("a", ("no",)),))])
    '<testsuites><testsuite name="t.yml" tests="1" failures="1" errors="0" skipped="0" timestamp="">\
<testcase name="a"><failure>no</failure></testcase></testsuite></testsuites>'
    """
    return f"<testsuites>{''.join(map(_suite_xml, suites))}</testsuites>"


def _suite_xml(suite: Suite) -> str:
    cases = "".join(
        f"<testcase name={quoteattr(name)}>"
        + "".join(f"<failure>{escape(failure)}</failure>" for failure in failures)
        + "</testcase>"
        for name, failures in suite.cases
    )
    count = len(suite.cases)
    if suite.error:
        cases += f'<testcase name="unknown"><error>{escape(suite.error)}</error></testcase>'
        count += 1
    failures = sum(len(found) for _, found in suite.cases)
    numbers = f'tests="{count}" failures="{failures}" errors="{int(bool(suite.error))}" skipped="0"'
    return (
        f"<testsuite name={quoteattr(suite.name)} {numbers} timestamp={quoteattr(suite.timestamp)}>{cases}</testsuite>"
    )


def _indented(text: str) -> str:
    first, *others = text.split("\n")
    return "\n".join([first, *(_INDENT + line for line in others)])
