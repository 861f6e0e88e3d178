"""What a query needs of the store: which selectors, which times, and what the store may compute."""

from __future__ import annotations

import pytest

from sonde.query.promql.parser import parse
from sonde.query.promql.plan import Plan, plan
from sonde.query.promql.query import Query
from sonde.query.promql.series import Grid
from sonde.query.promql.storage import Leaf, Window

S = 1_000
START, END, STEP = 1_000 * S, 1_095 * S, 30 * S
LAST = 1_090 * S
GRID = Grid(START, LAST, STEP)


def planned(text: str) -> Plan:
    return plan(Query(parse(text), START, END, STEP))


def only_leaf(text: str) -> Leaf:
    (leaf,) = planned(text).leaves
    return leaf


@pytest.mark.parametrize(
    ("text", "after", "until"),
    [
        ("up", START - 300 * S, LAST),
        ("up offset 1m", START - 360 * S, LAST - 60 * S),
        ("up @ 500", 200 * S, 500 * S),
        ("up @ 500 offset -10s", 210 * S, 510 * S),
        ("up @ start()", START - 300 * S, START),
        ("up @ end()", END - 300 * S, END),
        ("up smoothed", START - 300 * S, LAST + 300 * S),
        ("rate(up[5m])", START - 300 * S, LAST),
        ("rate(up[5m] offset 10s)", START - 310 * S, LAST - 10 * S),
        ("rate(up[1m] anchored)", START - 360 * S, LAST),
        ("rate(up[1m] smoothed)", START - 360 * S, LAST + 300 * S),
        ("max_over_time(up[10m:1m])", 420 * S - 300 * S, LAST // (60 * S) * 60 * S),
        ("max_over_time(rate(up[1m])[10m:1m] @ 600)", 60 * S - 60 * S, 600 * S),
    ],
)
def test_a_leaf_reaches_as_far_as_it_must(text: str, after: int, until: int) -> None:
    leaf = only_leaf(text)
    assert (leaf.after, leaf.until) == (after, until)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("up", Window("last", 300 * S, GRID)),
        ("up offset 1m", Window("last", 300 * S, Grid(START - 60 * S, LAST - 60 * S, STEP))),
        ("up @ 500", Window("last", 300 * S, Grid(500 * S, 500 * S, 0))),
        ("sum(rate(up[5m]))", Window("rate", 300 * S, GRID)),
        ("max_over_time((up[5m]))", Window("max_over_time", 300 * S, GRID)),
        ("rate(up[5m] anchored)", None),
        ("up smoothed", None),
        ("quantile_over_time(0.5, up[5m])", None),
        ("absent_over_time(up[5m])", None),
        ("timestamp(up)", None),
        ("start_timestamp(up)", None),
        ("timestamp(abs(up))", Window("last", 300 * S, GRID)),
    ],
)
def test_a_leaf_says_what_the_store_may_compute(text: str, window: Window | None) -> None:
    assert only_leaf(text).window == window


def test_info_asks_for_target_info_when_its_base_does() -> None:
    base, info = planned("info(up offset 1m)").leaves
    assert [matcher.value for matcher in info.matchers] == ["target_info"]
    assert (info.after, info.until) == (base.after, base.until)
    assert info.window is None


@pytest.mark.parametrize(
    ("text", "is_once"),
    [
        ("up @ 500", True),
        ("abs(up @ 500)", True),
        ("sum(rate(up[5m] @ 500)) / 2", True),
        ("max_over_time(up[5m:1m] @ 500)", True),
        ("up", False),
        ("up @ 500 + up", False),
        ("timestamp(up @ 500)", False),
        ("predict_linear(up[5m] @ 500, 60)", False),
        ("vector(time())", False),
    ],
)
def test_what_does_not_depend_on_the_time_is_evaluated_once(text: str, is_once: bool) -> None:
    found = planned(text)
    assert found.narrowed(found.expr, GRID).size == (1 if is_once else 4)


def test_an_instant_query_has_one_time() -> None:
    found = plan(Query(parse("up[5m]"), START, START))
    assert found.grid == Grid(START, START, 0)
    assert [(leaf.after, leaf.until, leaf.window) for leaf in found.leaves] == [(START - 300 * S, START, None)]


def test_a_subquery_that_ends_before_its_first_step_needs_nothing() -> None:
    assert plan(Query(parse("max_over_time(up[1m:5m])"), 12 * 60 * S, 12 * 60 * S)).leaves == ()
