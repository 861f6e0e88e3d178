"""A plan that was made once and moved is the plan that would be made."""

from __future__ import annotations

import pytest

from sonde.query.promql.parser import parse
from sonde.query.promql.plan import plan
from sonde.query.promql.query import Query
from sonde.rules.planned import MovingPlan, moves

TEXTS = [
    "up",
    "up offset -1m > 0",
    'sum by (job) (rate(http_requests_total{code=~"5.."}[5m])) / sum by (job) (rate(http_requests_total[5m]))',
    "histogram_quantile(0.9, sum by (le) (rate(latency_bucket[2 * 5m] offset 3m)))",
    "histogram_count(latency) + timestamp(up)",
    "time() - up smoothed",
    "increase(up[5m] anchored) or vector(1)",
    'absent(up{job="a"}) * hour()',
    "up @ 100",
    "rate(up[1m] @ end())",
    "max_over_time(rate(up[1m])[1h:1m])",
    "sum_over_time(up[step() + 1m])",
]


@pytest.mark.parametrize("text", TEXTS)
def test_it_asks_for_the_same(text: str) -> None:
    expr = parse(text)
    moving = MovingPlan(expr)
    for time in (1_000_000, 1_060_000, 1_045_123, 7):
        query = Query(expr, time, time, 0)
        fresh, moved = plan(query), moving.at(query)
        assert (moved.expr, moved.grid, moved.leaves) == (fresh.expr, fresh.grid, fresh.leaves)
        assert (len(moved.timeless), len(moved.counting)) == (len(fresh.timeless), len(fresh.counting))


def test_what_does_not_move_is_planned_each_time() -> None:
    assert [text for text in TEXTS if not moves(parse(text))] == TEXTS[8:11]
