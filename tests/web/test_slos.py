"""The endpoints of objectives, over what their rules would have recorded in a real store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.query.promql.metric_rows import NOW, insert_samples

from sonde.rules.slo.objective import BudgetPolicy, Indicator, Objective, Period
from sonde.rules.status import AlertingRule, RuleGroup
from sonde.web.api import slos
from sonde.web.api.slos import Configured

MINUTE = 60_000
CHECKOUT = Objective(
    "checkout",
    "shop",
    0.99,
    Period(1),
    Indicator("bad", "all"),
    description="Orders arrive",
    policies=(BudgetPolicy(0.25, "only fixes"),),
)
QUIET = Objective("quiet", "shop", 0.99, Period(30), Indicator("bad", "all"))
TWICE = (
    Objective("both", "a", 0.9, Period(30), Indicator("b", "c")),
    Objective("both", "b", 0.9, Period(30), Indicator("b", "c")),
)


class Rules:
    def groups(self, tenant: str) -> Sequence[RuleGroup]:
        labels = {
            "service": "shop",
            "slo": "checkout",
            "severity": "critical",
            "long_window": "10m",
            "short_window": "5m",
        }
        rule = AlertingRule(name="SLOErrorBudgetBurn", query="…", labels=tuple(sorted(labels.items())), state="firing")
        return [RuleGroup("slo-shop-checkout-alerts", "slos.yml", [rule], 60.0)]


@pytest.fixture(scope="module")
def recorded(client: Any) -> None:
    """Ten minutes with ten events a second; in the last five, one of ten fails."""
    minutes = range(NOW - 10 * MINUTE, NOW + 1, MINUTE)
    late = NOW - 5 * MINUTE
    bad = [1.0 if at > late else 0.0 for at in minutes]
    series = {
        "slo:events:rate5m": [10.0] * 11,
        "slo:errors:rate5m": bad,
        "slo:period_events:total": [600.0 * (place + 1) for place in range(11)],
        "slo:period_errors:total": [60.0 * sum(bad[: place + 1]) for place in range(11)],
        "slo:sli_error:ratio_rate5m": [each / 10 for each in bad],
        "slo:sli_error:ratio_rate10m": [each / 20 for each in bad],
        "slo:sli_error:ratio_rate1h": [each / 100 for each in bad],
    }
    for name, values in series.items():
        labels = {"__name__": name, "service": "shop", "slo": "checkout"}
        insert_samples(client, labels, list(zip(minutes, values, strict=True)))
        insert_samples(client, {**labels, "slo": "quiet"}, [(NOW, 7.0)], tenant="team-a")


@pytest.fixture
async def asked(app: FastAPI, http: httpx.AsyncClient, server: Any, recorded: None) -> httpx.AsyncClient:
    server.now_nano = NOW * 1_000_000
    known = list(app.router.routes)
    app.include_router(slos.routes, prefix="/api/v1")
    app.router.routes[:] = [*app.router.routes[len(known) :], *known]  # before the page that answers all else
    app.state.slos = Configured(lambda tenant: (CHECKOUT, QUIET, *TWICE) if tenant == "default" else (), Rules())
    return http


async def test_every_objective_is_told_with_budget_burn_rates_and_alerts(asked: httpx.AsyncClient) -> None:
    told = (await asked.get("/api/v1/slos")).json()["slos"]
    assert [(each["service"], each["name"]) for each in told] == [
        ("shop", "checkout"),
        ("shop", "quiet"),
        ("a", "both"),
        ("b", "both"),
    ]
    checkout = told[0]
    assert (checkout["events"], checkout["errors"]) == (6600, 300)
    assert checkout["budget_left"] == pytest.approx(1 - 300 / 6600 / 0.01)
    assert (checkout["good_now"], checkout["burn_now"]) == (0.9, 1.0)
    assert checkout["policies"] == [{"below": 0.25, "action": "only fixes", "severity": "warning"}]
    assert checkout["window"] == {"days": 1, "calendar": None, "start_seconds": NOW / 1000 - 86_400}
    fast = checkout["burn_rates"][0]
    assert (fast["long_window"], fast["short_window"], fast["state"]) == ("10m", "5m", "firing")
    assert (fast["long"], fast["short"]) == (pytest.approx(5), pytest.approx(10))


async def test_an_objective_without_data_says_so_whatever_other_tenants_record(asked: httpx.AsyncClient) -> None:
    quiet = (await asked.get("/api/v1/slos/quiet")).json()
    names = ("events", "errors", "good", "good_now", "budget_left", "errors_left", "burn_now", "exhausted_in_seconds")
    assert {quiet[name] for name in names} == {None}
    assert set(quiet["burn_down"]["budget_left"]) == {None}
    other = await asked.get("/api/v1/slos", headers={"X-Scope-OrgID": "team-a"})
    assert other.json() == {"slos": []}


async def test_the_budget_burns_down_with_the_errors(asked: httpx.AsyncClient) -> None:
    answer = await asked.get("/api/v1/slos/checkout/burn-down", params={"days": 10 / 1440})
    told = answer.json()
    assert told["step_seconds"] == 60
    left = told["budget_left"]
    assert left[0] == 1
    assert left[-1] is not None
    assert left[-1] < left[-3] < 0 < left[2]
    assert told["error_ratio"][-1] == pytest.approx(0.1)
    assert told["events"][-1] == pytest.approx(600)
    whole = (await asked.get("/api/v1/slos/checkout")).json()["burn_down"]
    assert (whole["step_seconds"], whole["budget_left"][0]) == (240, None)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/slos/none", 404, "slo.unknown"),
        ("/api/v1/slos/both", 400, "slo.ambiguous"),
        ("/api/v1/slos/both?service=c", 404, "slo.unknown"),
        ("/api/v1/slos/both/burn-down?service=b", 200, ""),
        ("/api/v1/slos/checkout?days=0", 400, "bad_parameter"),
    ],
)
async def test_objectives_are_named_by_name_and_where_need_be_by_service(
    asked: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    answer = await asked.get(path)
    assert answer.status_code == status, answer.text
    assert not code or answer.json()["error"]["code"] == code
