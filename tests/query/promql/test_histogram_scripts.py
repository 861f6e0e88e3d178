"""What Prometheus' test scripts say of single histograms, without an engine: every case that one function answers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sonde.query.promql.histogram.arithmetic import mean, total
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.notation import parse, parse_series
from sonde.query.promql.histogram.quantile import deviation, fraction, quantile, variance
from sonde.query.promql.histogram.trim import trim_lower, trim_upper

SCRIPTS = Path(__file__).parents[4] / "shared" / "conformance" / "promql"
NUMBER = r"[+-]?(?:[0-9.]+(?:e[+-]?\d+)?|Inf|inf|NaN)"
FUNCTIONS: dict[str, Callable[..., float]] = {
    "histogram_count": lambda h: h.count,
    "histogram_sum": lambda h: h.sum,
    "histogram_avg": lambda h: h.average(),
    "histogram_stddev": deviation,
    "histogram_stdvar": variance,
    "histogram_quantile": lambda q, h: quantile(h, q).value,
    "histogram_fraction": lambda lower, upper, h: fraction(h, lower, upper).value,
}
AGGREGATIONS = {"sum": total, "avg": mean}
CALL = re.compile(rf"(histogram_\w+)\(((?:{NUMBER}, )*)(\w+)(?:\{{[^}}]*\}})?\)")
TRIM = re.compile(rf"(\w+) (</|>/) ({NUMBER})")
SCALE = re.compile(rf"(\w+) ?([*/]) ?({NUMBER})")
AGGREGATE = re.compile(r"(sum|avg)\((\w+)\)")
ITEM = re.compile(r"\{\{[^}]*\}\}(?:[+-]\{\{[^}]*\}\})?(?:x\d+)?")

EXPECTED = re.compile(r"((?:\w+ ?)?(?:\{[^{}]*\})?)\s*(.*)")
KEY = re.compile(r"^(\w+(?:\{[^{}]+\}|\{\}(?!\}))?)\s+")

Case = tuple[str, dict[str, Histogram], str, dict[str, str]]


def minutes(text: str) -> float:
    return sum(int(n) * {"h": 60, "m": 1, "s": 1 / 60}[unit] for n, unit in re.findall(r"(\d+)([hms])", text))


def is_mixed(series: dict[str, list[Histogram]], key: str) -> bool:
    """Whether a metric has series of numbers, too."""
    return any(not values for other, values in series.items() if other.split("{")[0] == key.split("{", maxsplit=1)[0])


def blocks(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """(line number, command, the indented lines behind it)."""
    command, number, block = "", 0, []
    for position, line in enumerate(path.read_text().splitlines() if path.exists() else (), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0] in " \t":
            block.append(line.strip())
            continue
        yield number, command, block
        command, number, block = line, position, []
    yield number, command, block


def loaded(block: list[str]) -> dict[str, list[Histogram]]:
    """The histograms of each series; none of one that has numbers."""
    series: dict[str, list[Histogram]] = {}
    for item in block:
        key, values = KEY.split(item, maxsplit=1)[1:]
        items = [] if ITEM.sub("", values).strip() else [found[0] for found in ITEM.finditer(values)]
        series[key.replace(" ", "")] = [notation.histogram for text in items for notation in parse_series(text)]
    return series


def expectations(block: list[str]) -> dict[str, str]:
    expected = {}
    for item in block:
        if not item.startswith("expect"):
            found = EXPECTED.fullmatch(item)
            assert found, item
            expected[found[1].strip()] = found[2]
    return expected


def cases() -> Iterator[Case]:
    """(title, histograms by labels, expression, expected by labels)."""
    series: dict[str, list[Histogram]] = {}
    interval = 1.0
    for number, command, block in blocks(SCRIPTS / "native_histograms.test"):
        if command == "clear":
            series = {}
        elif found := re.fullmatch(r"load (\S+)", command):
            interval = minutes(found[1])
            series |= loaded(block)
        elif found := re.fullmatch(r"eval instant at (\S+) (.*)", command):
            at = int(minutes(found[1]) // interval)
            now = {
                key: values[min(at, len(values) - 1)]
                for key, values in series.items()
                if values and not is_mixed(series, key)
            }
            yield f"{number}: {found[2]}", now, found[2], expectations(block)


def is_about(expression: str, now: dict[str, Histogram]) -> bool:
    """Whether one function of one of these metrics answers."""
    if not any(pattern.fullmatch(expression) for pattern in (CALL, TRIM, SCALE, AGGREGATE)):
        return False
    return not {key.split("{")[0] for key in now}.isdisjoint(re.findall(r"\w+", expression))


ANSWERS = [
    pytest.param(now, expression, expected, id=title)
    for title, now, expression, expected in cases()
    if is_about(expression, now)
]


def evaluate(now: dict[str, Histogram], expression: str) -> list[Histogram | float]:
    def chosen(name: str) -> list[Histogram]:
        return [h for key, h in now.items() if key.split("{")[0] == name]

    if found := CALL.fullmatch(expression):
        arguments = [float(item) for item in found[2].split(", ")[:-1]]
        wanted = re.search(r"\{([^}]*)\}", expression)
        keep = [
            key for key in now if key.split("{")[0] == found[3] and (not wanted or wanted[1].replace(" ", "") in key)
        ]
        return [FUNCTIONS[found[1]](*arguments, now[key]) for key in keep]
    if found := TRIM.fullmatch(expression):
        trim = trim_upper if found[2] == "</" else trim_lower
        return [trim(h, float(found[3])) for h in chosen(found[1])]
    if found := SCALE.fullmatch(expression):
        return [h * float(found[3]) if found[2] == "*" else h / float(found[3]) for h in chosen(found[1])]
    if found := AGGREGATE.fullmatch(expression):
        return [AGGREGATIONS[found[1]](chosen(found[2])).histogram]
    raise AssertionError(expression)


def nearly(first: float, second: float) -> bool:
    return (
        (math.isnan(first) and math.isnan(second))
        or first == second
        or abs(first - second) <= 1e-6 * (abs(first) + abs(second))
    )


def same(first: Histogram, second: Histogram) -> bool:
    return (
        first.schema == second.schema
        and all(
            nearly(getattr(first, name), getattr(second, name))
            for name in ("zero_threshold", "zero_count", "count", "sum")
        )
        and all(
            np.array_equal(getattr(first, name), getattr(second, name))
            for name in ("positive_index", "negative_index", "custom_bounds")
        )
        and all(
            nearly(a, b)
            for name in ("positive_count", "negative_count")
            for a, b in zip(getattr(first, name), getattr(second, name), strict=True)
        )
    )


@pytest.mark.parametrize(("now", "expression", "expected"), ANSWERS)
def test_a_function_of_one_histogram_gives_what_the_script_expects(
    now: dict[str, Histogram], expression: str, expected: dict[str, str]
) -> None:
    found = evaluate(now, expression)
    assert len(found) == len(expected)
    for value, wanted in zip(found, expected.values(), strict=True):
        if isinstance(value, Histogram):
            assert same(value, parse(wanted).histogram), (value, wanted)
        else:
            assert nearly(value, float(wanted)), (value, wanted)
