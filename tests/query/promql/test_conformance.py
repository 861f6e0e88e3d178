"""Prometheus' own test scripts: each of their queries is one test, instant ones also as the middle of a range
query, and with ``@`` at other times, as Prometheus itself tests them.

The scripts lie beside the repository, in ``../shared/conformance/promql``. Where they do not, one test skips and says so.
What does not pass is listed with its reason in ``conformance_gaps.txt``, which may only shrink.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.query.promql.script import Eval, Expected, evals, nearly_equal, storage_of

from sonde.errors import UserError
from sonde.query.promql.ast import At, Call, Node, Subquery, VectorSelector
from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.notation import Notation, to_notation
from sonde.query.promql.parser import parse
from sonde.query.promql.plan import TIME_BOUND
from sonde.query.promql.query import Query, Result
from sonde.query.promql.series import Annotations, Grid, Samples, Scalar, Text, Vector
from sonde.query.promql.walk import walk
from sonde.telemetry.labels import Labels

SCRIPTS = Path(__file__).parents[4] / "shared" / "conformance" / "promql"
GAPS = dict(
    line.split(" ", 1)
    for line in (Path(__file__).parent / "conformance_gaps.txt").read_text().splitlines()
    if line and not line.startswith("#")
)
CASES = [case for path in sorted(SCRIPTS.glob("*.test")) for case in evals(path)]
QUERY_TIMES = re.compile(r"\b(step|range|start|end)\(\)", re.IGNORECASE)
MINUTE = 60_000
HOUR = 60 * MINUTE

Shown = dict[Labels, dict[int, float | Histogram]]


def parameters() -> list[object]:
    marks = {name: [pytest.mark.xfail(reason=reason, strict=True)] for name, reason in GAPS.items()}
    return [pytest.param(case, id=case.name, marks=marks.get(case.name, [])) for case in CASES]


def test_the_scripts_are_there() -> None:
    if not CASES:
        pytest.skip(f"no conformance scripts in {SCRIPTS}")
    assert len(CASES) > 2_000


def test_every_gap_is_a_case() -> None:
    if not CASES:
        pytest.skip(f"no conformance scripts in {SCRIPTS}")
    assert GAPS.keys() <= {case.name for case in CASES}


@pytest.mark.parametrize("case", parameters())
async def test_prometheus_script(case: Eval) -> None:
    if case.fails:
        with pytest.raises(UserError) as failure:
            await answer(case, case.start, case.end, case.step)
        message = failure.value.message
        assert not case.message or message.endswith(case.message), message
        assert re.search(case.pattern, message), message
        return
    result = await answer(case, case.start, case.end, case.step)
    check_notes(case, result.annotations)
    if case.text is not None:
        assert result.value == Text(case.text)
    elif isinstance(result.value, Scalar) and case.is_instant:
        assert case.scalar is not None
        assert nearly_equal(case.scalar, float(result.value.values[0])), result.value
    else:
        assert case.scalar is None
        found = shown(result)
        compare(expected_series(case), found)
        if case.ordered:
            assert list(found) == [labels for labels, _ in case.series]
    if case.is_instant and not isinstance(result.value, Samples | Text) and not QUERY_TIMES.search(case.query):
        middle = await answer(case, case.start - MINUTE, case.start + MINUTE, MINUTE)
        compare(at(case.start, shown(result)), at(case.start, shown(middle)))
        await check_at(case, result)


async def check_at(case: Eval, found: Result) -> None:
    """With ``@`` behind each selector, a query says the same at all times, if no function looks at the time."""
    expr = parse(case.query)
    if any(isinstance(node, Call) and node.function in TIME_BOUND for node, _ in walk(expr)):
        return
    pinned = Query(pinned_at(expr, case.start / 1000), case.start - HOUR, case.start + HOUR, HOUR)
    result = await evaluate(storage_of(case), pinned)
    for time in pinned.grid.times.tolist():
        compare(
            at(case.start, shown(found)),
            {labels: {case.start: points[time]} for labels, points in shown(result).items()},
        )


def pinned_at(expr: Any, seconds: float) -> Any:
    """The expression with ``@``, where it has none, behind each selector and subquery."""
    if isinstance(expr, VectorSelector | Subquery):
        return replace(expr, at=expr.at or At(seconds))
    changed = {}
    for field in fields(expr) if isinstance(expr, Node) else ():
        value = getattr(expr, field.name)
        if isinstance(value, Node):
            changed[field.name] = pinned_at(value, seconds)
        elif isinstance(value, tuple) and value and isinstance(value[0], Node):
            changed[field.name] = tuple(pinned_at(each, seconds) for each in value)
    if isinstance(expr, Call) and expr.function == "info":
        changed["arguments"] = (changed["arguments"][0], *expr.arguments[1:])
    return replace(expr, **changed)


async def answer(case: Eval, start: int, end: int, step: int) -> Result:
    query = Query(parse(case.query), start, end, step, text=case.query)
    return await evaluate(storage_of(case), query)


def shown(result: Result) -> Shown:
    """What is answered, by series and time; a scalar is a series without labels."""
    match result.value:
        case Scalar(values):
            return {(): dict(zip(result.grid.times.tolist(), values.tolist(), strict=True))}
        case Vector():
            return of_vector(result.value, result.grid)
        case Samples():
            return of_samples(result.value)
        case _:
            raise AssertionError(result.value)


def of_vector(vector: Vector, grid: Grid) -> Shown:
    assert vector.drop_name is None
    found: Shown = {}
    times = grid.times.tolist()
    for row, labels in enumerate(vector.labels):
        assert labels not in found, labels
        found[labels] = {
            times[column]: vector.histogram(row, column) or float(vector.values[row, column])
            for column in np.flatnonzero(vector.present[row]).tolist()
        }
    return {labels: points for labels, points in found.items() if points}


def of_samples(samples: Samples) -> Shown:
    found: Shown = {}
    for row, labels in enumerate(samples.labels):
        part = slice(int(samples.offsets[row]), int(samples.offsets[row + 1]))
        histograms = [None] * (part.stop - part.start) if samples.histograms is None else samples.histograms[part]
        points = zip(samples.times[part].tolist(), samples.values[part].tolist(), histograms, strict=True)
        found[labels] = {time: value if histogram is None else histogram for time, value, histogram in points}
    return found


def expected_series(case: Eval) -> dict[Labels, dict[int, Expected]]:
    start, step = (case.matrix[0], case.matrix[2]) if case.matrix else (case.start, case.step)
    return {
        labels: {start + place * step: value for place, value in enumerate(values) if value is not None}
        for labels, values in case.series
        if any(value is not None for value in values)
    }


def at(time: int, series: Shown) -> dict[Labels, dict[int, Expected]]:
    """What there is at one time, as something to be expected."""
    return {
        labels: {time: Notation(point, True) if isinstance(point, Histogram) else point}
        for labels, points in series.items()
        if (point := points.get(time)) is not None
    }


def compare(expected: dict[Labels, dict[int, Expected]], found: object) -> None:
    assert isinstance(found, dict)
    assert sorted(expected) == sorted(found)
    for labels, points in expected.items():
        assert list(points) == list(found[labels]), labels
        for time, value in points.items():
            got = found[labels][time]
            assert is_same(value, got), f"{labels} at {time}: expected {readable(value)}, found {readable(got)}"


def readable(value: object) -> str:
    if isinstance(value, Notation):
        return to_notation(value.histogram)
    return to_notation(value) if isinstance(value, Histogram) else repr(value)


def is_same(expected: Expected, found: object) -> bool:
    if isinstance(found, Notation):
        found = found.histogram
    if isinstance(expected, Notation):
        return isinstance(found, Histogram) and is_same_histogram(expected, found)
    return isinstance(expected, float) and isinstance(found, float) and nearly_equal(expected, found)


def is_same_histogram(notation: Notation, found: Histogram) -> bool:
    expected = notation.histogram
    numbers = [(h.zero_threshold, h.zero_count, h.count, h.sum, *h.positive_count, *h.negative_count, *h.custom_bounds)
               for h in (expected, found)]  # fmt: skip
    return (
        expected.schema == found.schema
        and (not notation.has_reset or expected.reset is found.reset)
        and np.array_equal(expected.positive_index, found.positive_index)
        and np.array_equal(expected.negative_index, found.negative_index)
        and len(numbers[0]) == len(numbers[1])
        and all(nearly_equal(float(a), float(b)) for a, b in zip(*numbers, strict=True))
    )


def check_notes(case: Eval, annotations: Annotations) -> None:
    found = {"warn": list(annotations.warnings), "info": list(annotations.infos)}
    for note in case.notes:
        word, _, rest = note.partition(" ")
        rest = rest.strip()
        texts = found[word.removeprefix("no_")]
        if word.startswith("no_"):
            assert not texts
        elif rest.startswith("msg:"):
            assert rest.removeprefix("msg:").strip() in texts
        elif rest.startswith("regex:"):
            pattern = rest.removeprefix("regex:").strip()
            assert any(re.search(pattern, text) for text in texts), texts
        else:
            assert texts, note
