"""How objectives stand, and how their budgets have burnt, as read from what their rules record."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.rules.slo.burn_rate import BurnRate
from sonde.rules.slo.objective import Indicator, Objective, Period
from sonde.rules.slo.status import RECORDED, BurnDown, burn_down, burn_down_queries, stand
from sonde.rules.status import AlertingRule, RecordingRule, RuleGroup, State
from sonde.telemetry.labels import Labels

NOW = 1_767_261_600.0  # Thursday, 1 January 2026, 10:00 UTC
DAY = 86_400
CHECKOUT = Objective("checkout", "shop", 0.99, Period(30), Indicator("bad", "all"))


def recorded(**figures: float | Sequence[float]) -> list[tuple[Labels, float]]:
    """Series of the objective, by what follows ``slo:``; several values are several series."""
    names = {"events": "period_events:total", "errors": "period_errors:total", "rate": "events:rate5m"}
    found: list[tuple[Labels, float]] = []
    for name, values in figures.items():
        metric = "slo:" + names.get(name, name.replace("ratio_", "sli_error:ratio_rate"))
        for place, value in enumerate(values if isinstance(values, (list, tuple)) else (values,)):
            labels = (("__name__", metric), ("region", str(place)), ("service", "shop"), ("slo", "checkout"))
            found.append((labels, value))
    return found


def alert(state: State, **labels: str) -> AlertingRule:
    own = tuple(sorted({"service": "shop", "slo": "checkout", **labels}.items()))
    return AlertingRule(name="SLOErrorBudgetBurn", query="…", labels=own, state=state)


def test_an_objective_stands_by_what_was_recorded_over_its_period() -> None:
    (standing,) = stand(
        [CHECKOUT],
        recorded(events=[900.0, 100.0], errors=[2.0, 4.0], rate=1.0, ratio_5m=[0.01, 0.02], ratio_1h=0.005),
        (),
    )
    assert (standing.events, standing.errors, standing.good_now, standing.burn_now) == (1000, 6, 0.98, 0.5)
    assert standing.good == pytest.approx(0.994)
    assert standing.budget_left == pytest.approx(0.4)
    assert standing.errors_left == pytest.approx(4)
    assert standing.exhausted_in_seconds == pytest.approx(0.4 * 30 * DAY / 0.5)


@pytest.mark.parametrize(
    "found",
    [
        [],
        recorded(events=0.0, errors=0.0, rate=0.0, ratio_5m=0.0, ratio_1h=0.0, ratio_3d=0.0),
        recorded(events=float("nan"), errors=float("nan")),
        recorded(errors=3.0),
    ],
    ids=["nothing recorded", "no events", "not a number", "half of it"],
)
def test_what_has_no_data_has_no_figures(found: list[tuple[Labels, float]]) -> None:
    (standing,) = stand([CHECKOUT], found, ())
    assert {standing.good, standing.good_now, standing.budget_left, standing.errors_left, standing.burn_now} == {None}
    assert standing.exhausted_in_seconds is None
    assert {(burn.long, burn.short) for burn in standing.burns} == {(None, None)}


def test_each_alert_has_its_burn_rates_and_the_state_of_its_rule() -> None:
    rules = [
        RecordingRule(name="slo:objective:ratio", query="1", labels=(("slo", "checkout"),)),
        alert("firing", severity="critical", long_window="1h", short_window="5m"),
        alert("pending", severity="warning", long_window="1d", short_window="2h"),
        AlertingRule(
            name="SLOBudgetPolicy",
            query="…",
            labels=(("budget_below", "25%"), ("service", "shop"), ("severity", "warning"), ("slo", "checkout")),
            state="firing",
        ),
        alert("firing", severity="warning", long_window="3d", short_window="6h", slo="another"),
    ]
    found = recorded(events=1000.0, errors=1.0, ratio_1h=0.2, ratio_5m=[0.3, 0.1], ratio_1d=0.0)
    (standing,) = stand([CHECKOUT], found, [RuleGroup("g", "slos", rules, 60.0)])
    assert [(burn.rate.factor, burn.long, burn.short, burn.state) for burn in standing.burns] == [
        (14.4, 20, 30, "firing"),
        (6.0, None, None, "unknown"),
        (3.0, 0, None, "pending"),
        (1.0, None, None, "unknown"),
    ]
    assert [(each.name, each.severity, each.state, each.budget_below) for each in standing.alerts] == [
        ("SLOBudgetPolicy", "warning", "firing", "25%")
    ]


def test_alerts_with_a_name_and_without_a_short_window_are_found_too() -> None:
    rate = BurnRate("page", 2.0, 60, name="fast")
    objective = Objective("checkout", "shop", 0.99, Period(30), Indicator("bad", "all"), alerts=(rate,))
    rules = [
        alert("inactive", severity="page", long_window="1h", policy="slow"),
        alert("firing", severity="page", long_window="1h", policy="fast"),
    ]
    (standing,) = stand([objective], [], [RuleGroup("g", "slos", rules, 60.0)])
    assert [burn.state for burn in standing.burns] == ["firing"]


@given(events=st.floats(1, 1e9), share=st.floats(0, 1), target=st.sampled_from([0.5, 0.9, 0.999]))
def test_what_is_left_never_exceeds_the_whole_budget(events: float, share: float, target: float) -> None:
    objective = Objective("checkout", "shop", target, Period(30), Indicator("bad", "all"))
    (standing,) = stand([objective], recorded(events=events, errors=events * share), ())
    assert standing.budget_left is not None
    assert standing.budget_left <= 1
    assert (standing.budget_left >= 0) == (share <= objective.budget) or standing.budget_left == pytest.approx(0)


class Answers:
    """A ``Range`` that answers one query, and remembers its times."""

    def __init__(self, query: str, *values: float | None) -> None:
        self.query = query
        self.values = values
        self.times: set[tuple[int, int, int]] = set()

    async def __call__(
        self, query: str, start: int, end: int, step: int
    ) -> list[tuple[Labels, Sequence[float | None]]]:
        self.times.add((start, end, step))
        return [((), self.values)] if query == self.query else []


@pytest.mark.parametrize(
    ("period", "seconds", "began", "step"),
    [
        (Period(30), None, NOW - 30 * DAY, 7200),
        (Period(30), 3600, NOW - 3600, 60),
        (Period(30), 90 * DAY, NOW - 30 * DAY, 7200),
        (Period(31, "month"), None, NOW - 10 * 3600, 120),
    ],
)
async def test_burn_downs_are_asked_from_the_beginning_of_the_period(
    period: Period, seconds: float | None, began: float, step: int
) -> None:
    objective = Objective("checkout", "shop", 0.99, period, Indicator("bad", "all"))
    ask = Answers("")
    found = await burn_down(objective, ask, now=NOW, seconds=seconds)
    ((start, end, asked),) = ask.times
    assert (start, end, asked) == (began * 1000, NOW * 1000, step * 1000)
    assert (found.times[0], found.times[-1], len(found.times)) == (began, NOW, (NOW - began) / step + 1)
    assert set(found.budget_left + found.error_ratio + found.events) == {None}


async def test_times_without_events_have_no_budget() -> None:
    left, _, _ = burn_down_queries(CHECKOUT, 60)
    found = await burn_down(CHECKOUT, Answers(left, 1.0, None, float("nan"), 0.5), now=NOW, seconds=180)
    nothing = (None,) * 4
    assert found == BurnDown((NOW - 180, NOW - 120, NOW - 60, NOW), 60, (1.0, None, None, 0.5), nothing, nothing)


def test_what_is_asked_are_names_that_rules_record() -> None:
    assert RECORDED == '{__name__=~"slo:(events:rate5m|period_(errors|events):total|sli_error:ratio_rate.+)"}'
