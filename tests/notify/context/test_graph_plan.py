"""What of an expression is drawn, and what sum is taken apart: tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.notify.context.axis import number_text, number_ticks, time_ticks
from sonde.notify.context.contributions import summed
from sonde.notify.context.graph_plan import Threshold, graph_plan
from sonde.query.promql.parser import parse
from sonde.query.promql.printer import to_text
from sonde.rules import packs
from sonde.rules.languages import check_only
from sonde.rules.rule_file import parse_rule_file

RATIO = "sum by (job) (rate(errors[5m])) / sum by (job) (rate(requests[5m]))"


@pytest.mark.parametrize(
    ("expression", "drawn", "threshold"),
    [
        ("up == 0", "up", ("==", 0.0)),
        (f"{RATIO} > 0.05", RATIO, (">", 0.05)),
        (f"0.05 < {RATIO}", RATIO, (">", 0.05)),
        ("10 >= depth", "depth", ("<=", 10.0)),
        ("free < 5 * 1024 * 1024", "free", ("<", 5242880.0)),
        ("temperature < -(10 + 5)", "temperature", ("<", -15.0)),
        ("((depth)) > (1000)", "depth", (">", 1000.0)),
        ("depth > bool 5", "depth", (">", 5.0)),
        ("depth > 5 and on (queue) sum by (queue) (rate(put[5m])) > 0", "depth", (">", 5.0)),
        ("depth > 5 unless maintenance", "depth", (">", 5.0)),
        ("value and (score > 4)", "value", None),
        ("a > 1 or b > 1", "a or b", (">", 1.0)),
        ("a > 1 or b > 2", "a > 1 or b > 2", None),
        ("a > 1 or b < 1", "a > 1 or b < 1", None),
        ("(a / b or c / d) > 0.5", "a / b or c / d", (">", 0.5)),
        ("cost > 3 * (cost offset 1h)", "cost > 3 * (cost offset 1h)", None),
        ("absent(up)", "absent(up)", None),
        ("vector(1)", "vector(1)", None),
        ("1 > bool 2", "1 > bool 2", None),
        ("depth > 1 / 0", "depth > 1 / 0", None),
        ("depth", "depth", None),
    ],
)
def test_the_compared_side_is_drawn_and_the_number_is_the_threshold(expression, drawn, threshold):
    plan = graph_plan(parse(expression))
    assert to_text(plan.expr) == drawn
    assert plan.threshold == (Threshold(*threshold) if threshold else None)


def test_what_is_drawn_of_every_shipped_alert_is_promql_again():
    for name in packs.names():
        for group in parse_rule_file(packs.pack(name), check_only()).groups:
            for rule in group.rules:
                expr = parse(rule.expression.text)
                plan = graph_plan(expr)
                assert parse(to_text(plan.expr)) == plan.expr


@pytest.mark.parametrize(
    ("expression", "part", "grouping"),
    [
        (RATIO, "rate(errors[5m])", ("job",)),
        (f"100 * {RATIO}", "rate(errors[5m])", ("job",)),
        (f"({RATIO}) * 100", "rate(errors[5m])", ("job",)),
        ("sum(rate(cost[1h])) * 3600", "rate(cost[1h])", ()),
        ("sum without (instance) (depth)", "depth", ("instance",)),
        ("count by (job) (up == 0)", "up == 0", ("job",)),
        ("max(sum by (job) (depth))", "depth", ("job",)),
        ("round(sum(depth), 5)", "depth", ()),
        ("1 - sum(good) / sum(all)", None, None),
        ("histogram_quantile(0.95, sum by (le) (rate(h_bucket[5m])))", None, None),
        ("up", None, None),
        ("avg(depth)", None, None),
    ],
)
def test_the_sum_that_makes_an_alert_is_that_of_the_numerator(expression, part, grouping):
    found = summed(parse(expression))
    assert (found and to_text(found.expr), found and found.grouping) == (part, grouping)


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12))
def test_ticks_enclose_any_range_and_are_few(low, size):
    ticks = number_ticks(low, low + size)
    slack = 1e-6 * max(abs(low), size)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + size - slack
    assert 2 <= len(ticks) <= 12
    assert all(len(number_text(tick)) <= 9 for tick in ticks)


@given(st.integers(0, 2**32), st.integers(60, 10**7))
def test_times_on_the_axis_lie_within_it(start, span):
    ticks = time_ticks(start, start + span)
    assert all(start <= at <= start + span for at, _ in ticks)
    assert len(ticks) <= 7 or span > 7 * 86_400
