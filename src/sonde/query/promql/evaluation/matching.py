"""Operators between two vectors: which series meet, what labels they get, and what is an error.

Series are paired once, by label sets; at which times both are there is arithmetic. On the "one" side several series
may have one signature as long as no two of them are there at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sonde.query.promql.ast import Binary, Matching
from sonde.query.promql.evaluation.frame import Frame, drops_name, empty_vector, execution_error, vector_of
from sonde.query.promql.evaluation.merge import METADATA, merged
from sonde.query.promql.evaluation.operators import ARITHMETIC, Side, operate
from sonde.query.promql.evaluation.sets import anywhere, numbered
from sonde.query.promql.must import must_have
from sonde.query.promql.series import Booleans, Floats, Integers, Objects, Vector, any_row
from sonde.telemetry.labels import METRIC_NAME, Labels, only, without
from sonde.telemetry.quoting import quote

EXPLICIT = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Which series of the "many" side meets which of the "one" side, and where; -1 stands for a filled-in side."""

    many: Integers
    one: Integers
    signature: Integers
    both: Booleans


def match_vectors(node: Binary, left: Vector, right: Vector, frame: Frame) -> Vector:
    """Evaluate an arithmetic or comparison operator between two vectors."""
    matching = must_have(node.matching)
    swapped = matching.cardinality == "one-to-many"
    many, one = (right, left) if swapped else (left, right)
    # as in Prometheus, fill_left stands in for the "many" side, also with group_right
    fill_many, fill_one = matching.fill_left, matching.fill_right
    signatures, (many_rows, one_rows) = numbered(matching, many.labels, one.labels)
    many_there = anywhere(many.present, many_rows, len(signatures))
    one_there = anywhere(one.present, one_rows, len(signatures))
    _refuse_duplicates(matching, one, one_rows, signatures, any_row(many.present) | (fill_many is not None), swapped)
    pairs = _paired(many, one, many_rows, one_rows, frame)
    if fill_one is not None:
        lonely = many.present & ~one_there[many_rows]
        pairs = _joined(pairs, np.arange(len(many_rows)), None, many_rows, lonely)
    if fill_many is not None:
        lonely = one.present & ~many_there[one_rows]
        pairs = _joined(pairs, None, np.arange(len(one_rows)), one_rows, lonely)
    if not len(pairs.many):
        return empty_vector(frame.grid)
    if matching.cardinality == "one-to-one":
        _refuse_many(pairs, len(signatures))
    labels, drop_name = _result_labels(node, matching, many, one, pairs, signatures)
    if matching.cardinality != "one-to-one":
        _refuse_same(labels, pairs)
    many_side = _side(many, pairs.many, fill_many)
    one_side = _side(one, pairs.one, fill_one)
    sides = (one_side, many_side) if swapped else (many_side, one_side)
    outcome = operate(node.operator, *sides, pairs.both, frame, node, returns_bool=node.returns_bool, swapped=False)
    return merged(vector_of(labels, np.array(outcome.values), outcome.present, outcome.histograms, drop_name))


def _paired(many: Vector, one: Vector, many_rows: Integers, one_rows: Integers, frame: Frame) -> _Pairs:
    """All pairs with the same signature, and where both are there."""
    order = np.argsort(one_rows, kind="stable")
    ascending = one_rows[order]
    first = np.searchsorted(ascending, many_rows, side="left")
    sizes = np.searchsorted(ascending, many_rows, side="right") - first
    frame.check_size(int(sizes.sum()))
    many_index = np.repeat(np.arange(len(many_rows)), sizes)
    offsets = np.arange(len(many_index)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    one_index = order[np.repeat(first, sizes) + offsets]
    both = many.present[many_index] & one.present[one_index]
    return _Pairs(many_index, one_index, many_rows[many_index], both)


def _joined(pairs: _Pairs, many: Integers | None, one: Integers | None, signature: Integers, both: Booleans) -> _Pairs:
    """The pairs, and series that are alone where ``both`` is set."""
    kept = both.any(axis=1)
    nobody = np.full(int(kept.sum()), -1, dtype=np.int64)
    return _Pairs(
        np.concatenate([pairs.many, nobody if many is None else many[kept]]),
        np.concatenate([pairs.one, nobody if one is None else one[kept]]),
        np.concatenate([pairs.signature, signature[kept]]),
        np.concatenate([pairs.both, both[kept]]),
    )


def _side(vector: Vector, rows: Integers, fill: float | None) -> Side:
    """The samples of one side of all pairs."""
    filled = rows < 0
    times = vector.values.shape[1]
    values: Floats = np.full((len(rows), times), np.nan if fill is None else fill)
    values[~filled] = vector.values[rows[~filled]]
    if vector.histograms is None:
        return Side(values)
    histograms: Objects = np.full((len(rows), times), None, dtype=object)
    histograms[~filled] = vector.histograms[rows[~filled]]
    return Side(values, histograms)


def _result_labels(
    node: Binary, matching: Matching, many: Vector, one: Vector, pairs: _Pairs, signatures: list[Labels]
) -> tuple[list[Labels], Booleans]:
    """The label set of each pair, and whether its name goes."""
    changes = node.operator in ARITHMETIC
    names = frozenset(matching.labels)
    include = frozenset(matching.include)
    one_to_one = matching.cardinality == "one-to-one"
    dropping = drops_name(many)
    result: list[Labels] = []
    drop_name = np.zeros(len(pairs.many), dtype=np.bool_)
    for place, (row, other, signature) in enumerate(
        zip(pairs.many.tolist(), pairs.one.tolist(), pairs.signature.tolist(), strict=True)
    ):
        labels = many.labels[row] if row >= 0 else signatures[signature]
        if changes:
            labels = without(labels, METADATA)
        if one_to_one:
            labels = only(labels, names) if matching.on else without(labels, names)
        if include:
            given = () if other < 0 else only(one.labels[other], include)
            labels = tuple(sorted([*without(labels, include), *given]))
        result.append(labels)
        drop_name[place] = node.returns_bool or (row >= 0 and bool(dropping[row]))
    return result, drop_name


def _refuse_duplicates(
    matching: Matching,
    one: Vector,
    one_rows: Integers,
    signatures: list[Labels],
    asked: Booleans,
    swapped: bool,
) -> None:
    """Two series of the "one" side with one signature at one time are an error, wherever the other side has any."""
    if len(one_rows) == len(set(one_rows.tolist())):
        return
    counts = np.zeros((len(signatures), one.present.shape[1]), dtype=np.int64)
    np.add.at(counts, one_rows, one.present)
    crowded = (counts > 1) & asked[None, :]
    if not crowded.any():
        return
    columns, places = np.nonzero(crowded.T)
    column, place = int(columns[0]), int(places[0])
    rows = [row for row in np.flatnonzero(one_rows == place).tolist() if one.present[row, column]]
    first, second = sorted(one.labels[row] for row in rows[:2])
    side = "left" if swapped else "right"
    names = frozenset(matching.labels)
    group = only(first, names) if matching.on else without(first, names | {METRIC_NAME})
    raise execution_error(
        f"found duplicate series for the match group {written(group)} on the {side} hand-side of the operation: "
        f"[{written(first)}, {written(second)}];many-to-many matching not allowed: "
        "matching labels must be unique on one side"
    )


def _refuse_many(pairs: _Pairs, signatures: int) -> None:
    counts = np.zeros((signatures, pairs.both.shape[1]), dtype=np.int64)
    np.add.at(counts, pairs.signature, pairs.both)
    if (counts > 1).any():
        raise execution_error(EXPLICIT)


def _refuse_same(labels: list[Labels], pairs: _Pairs) -> None:
    places: dict[tuple[int, Labels], int] = {}
    rows = np.array(
        [places.setdefault(key, len(places)) for key in zip(pairs.signature.tolist(), labels, strict=True)],
        dtype=np.int64,
    )
    if len(places) < len(rows):
        counts = np.zeros((len(places), pairs.both.shape[1]), dtype=np.int64)
        np.add.at(counts, rows, pairs.both)
        if (counts > 1).any():
            raise execution_error(UNIQUE)


def written(labels: Labels) -> str:
    """A label set as Prometheus writes it in messages.

    >>> print(written((("__name__", "up"), ("job", "api"))))
    {__name__="up", job="api"}
    """
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels) + "}"
