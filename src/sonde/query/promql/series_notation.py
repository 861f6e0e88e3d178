"""Series as unit tests of rules write them: ``up{job="api"}``, and values such as ``1+2x3 _ stale {{count:1}}``.

Format: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
"""

from __future__ import annotations

import re
from typing import Final

from sonde.errors import UserError
from sonde.query.promql.histogram.notation import parse_series as parse_histograms
from sonde.query.promql.memory_storage import STALE, Point
from sonde.query.promql.number import parse_float
from sonde.query.promql.parser import parse_selector
from sonde.telemetry.labels import Labels, labels_of
from sonde.telemetry.quoting import quote

MOST_VALUES: Final = 10_000_000
"""Of one series."""

_NUMBER: Final = r"(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf|[nN]a[nN])"
_RUN: Final = re.compile(rf"([+-]?{_NUMBER})(?:([+-]{_NUMBER}))?(?:x(\d+))?")
_BLANKS: Final = re.compile(r"_(?:x(\d+))?")
_STALE: Final = re.compile(r"stale(?:x(\d+))?")
_ITEM: Final = re.compile(r"\{\{[^}]*\}\}(?:[+-]\{\{[^}]*\}\})?(?:x\d+)?|\S+")


def parse_series(text: str) -> Labels:
    """Read the labels of a series; nothing at all is a series without labels.

    >>> parse_series('up{job="api"}'), parse_series("")
    ((('__name__', 'up'), ('job', 'api')), ())

    Raises:
        UserError: It is none.
    """
    if not text.strip() or text.strip() == "{}":
        return ()
    found: dict[str, str] = {}
    for matcher in parse_selector(text):
        if matcher.operator != "=":
            raise _wrong(f"a series has labels, and no matcher like {matcher.name}{matcher.operator}", text)
        if matcher.name in found:
            raise _wrong(f"label {matcher.name} is there twice", text)
        found[matcher.name] = matcher.value
    return labels_of(found)


def parse_values(text: str) -> list[Point | None]:
    """Read the values of a series, None where there is none.

    >>> parse_values("1+2x2 _x2 -3 7x1")
    [1.0, 3.0, 5.0, None, None, -3.0, 7.0, 7.0]

    Raises:
        UserError: It is none.
    """
    values: list[Point | None] = []
    for item in _ITEM.findall(text):
        values += _item(item, text)
        if len(values) > MOST_VALUES:
            raise _wrong(f"more than {MOST_VALUES} values", text)
    return values


def _item(item: str, text: str) -> list[Point | None]:
    if item.startswith("{{"):
        try:
            return [notation.histogram for notation in parse_histograms(item)]
        except ValueError as error:
            raise _wrong(str(error), text) from error
    if blanks := _BLANKS.fullmatch(item):
        return [None] * _times(blanks[1], 1, text)
    if stale := _STALE.fullmatch(item):
        return [STALE] * (_times(stale[1], 0, text) + 1)
    run = _RUN.fullmatch(item)
    if run is None or (run[2] and run[3] is None):
        raise _wrong(f"unexpected {quote(item)} in series values", text)
    values: list[Point | None] = []
    value, step = _number(run[1]), _number(run[2] or "0")
    for _ in range(_times(run[3], 0, text) + 1):
        values.append(value)
        value += step
    return values


def _number(text: str) -> float:
    number = parse_float(text)
    if number is None:
        raise _wrong(f"unexpected {quote(text)}", text)
    return number


def _times(text: str | None, default: int, whole: str) -> int:
    times = default if text is None else int(text)
    if times > MOST_VALUES:
        raise _wrong(f"more than {MOST_VALUES} values", whole)
    return times


def _wrong(what: str, text: str) -> UserError:
    return UserError(f"parse error: {what}", code="promql.series", hint=f"it stands in {text[:100]!r}")
