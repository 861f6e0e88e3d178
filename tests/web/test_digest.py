"""The digest over a real store: what two weeks of telemetry say, and what is left out because nobody knows."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from store_rows import NOW, insert_llm_calls, insert_logs, insert_spans
from tests.query.promql.metric_rows import STALE, insert_samples

from sonde.errors import Unavailable
from sonde.notify.digest.promql import PromQLAnswers
from sonde.notify.digest.questions import StoreQuestions
from sonde.notify.digest.report import AlertsWeek, Disk, ModelWeek, Report, Satisfaction, Week
from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.window import DAY, HOUR, MINUTE
from sonde.store.pool import AsyncStore
from sonde.web.api import digest
from sonde.web.api.digest import Configured

END = NOW // MINUTE * MINUTE
WEEK = Week(END - 14 * DAY, END - 7 * DAY, END)


@pytest.fixture(scope="module")
def two_weeks(client: Any) -> None:
    """A server request an hour, of which in this week every tenth fails; calls, ratings, alerts, a budget."""
    spans, calls, logs = [], [], []
    for hour in range(14 * 24):
        at = WEEK.before + hour * HOUR + 1
        this_week = at >= WEEK.start
        failed = this_week and hour % 10 == 0
        span = {
            "trace_id": f"{hour + 1:032x}", "span_id": f"{hour + 1:016x}", "service": "shop", "name": "POST /pay",
            "kind": "server", "start": at, "duration_nano": 200_000_000 if this_week else 100_000_000,
            "status_code": "error" if failed else "ok", "status_message": "no bank" if failed else "",
        }  # fmt: skip
        spans.append(span)
        if hour % 2:
            call = {"ts": at, "trace_id": f"{hour:032x}", "span_id": f"{hour:016x}", "model": "gpt-4o"}
            calls.append({**call, "cost_usd": 1.0 if this_week else 0.5})
        rating = {"sonde.feedback.rating": hour % 4 != 0} if this_week else {"sonde.feedback.rating": True}
        attributes = {**rating, "sonde.feedback.name": "thumbs", "sonde.feedback.score_id": f"s{hour}"}
        logs.append({"time": at, "event_name": "sonde.feedback", "attributes": attributes})
    insert_spans(client, spans)
    insert_llm_calls(client, calls)
    insert_logs(client, logs)

    milli = 10**6
    firing = {"__name__": "ALERTS", "alertname": "Down", "alertstate": "firing", "instance": "a"}

    def minutes(first: int, count: int) -> list[tuple[int, float]]:
        times = [(first + place * MINUTE) // milli for place in range(count + 1)]
        return [*((at, 1.0) for at in times[:-1]), (times[-1], STALE)]

    insert_samples(client, firing, minutes(WEEK.start + 3 * HOUR, 10))
    insert_samples(client, firing, minutes(WEEK.start + 2 * DAY - 5 * MINUTE, 20))  # over midnight: one firing
    insert_samples(client, {**firing, "alertname": "Full"}, minutes(WEEK.end - 3 * MINUTE, 3)[:-1])
    insert_samples(client, {**firing, "alertstate": "pending"}, minutes(WEEK.start + HOUR, 5))
    insert_samples(client, firing, minutes(WEEK.before + DAY, 5))
    budget = {"__name__": "slo:period_error_budget_remaining:ratio", "service": "shop", "slo": "checkout"}
    insert_samples(client, budget, [(WEEK.end // milli, 0.42)])


def questions(store: AsyncStore, tenant: str = "default", **options: Any) -> StoreQuestions:
    answers = PromQLAnswers(lambda: ClickHouseStorage(store, tenant))
    return StoreQuestions(
        lambda: Inquiry(store), answers.instant, answers.range, tenant, lambda: Disk(61, 100), **options
    )


@pytest.fixture
async def report(store: AsyncStore, two_weeks: None) -> Report:
    return await questions(store).report(WEEK)


async def test_services_are_compared_with_the_week_before(report: Report) -> None:
    (shop,) = [each for each in report.services if each.service == "shop"]
    assert shop.before is not None
    assert (shop.now.requests, shop.now.errors, shop.before.requests, shop.before.errors) == (168, 17, 168, 0)
    assert shop.now.p95_seconds == pytest.approx(0.2, rel=0.05)
    assert shop.before.p95_seconds == pytest.approx(0.1, rel=0.05)


async def test_alerts_are_counted_by_firing_also_over_midnight(report: Report) -> None:
    assert report.alerts == AlertsWeek(
        firings=3, before=1, mttr_seconds=15 * 60.0, noisiest=(("Down", 2), ("Full", 1)), still_firing=("Full",)
    )


async def test_money_ratings_budgets_and_new_errors_are_told(report: Report) -> None:
    assert report.models == (ModelWeek("gpt-4o", 84, 84.0, 42.0),)
    assert report.satisfaction == Satisfaction(126, 168, 1.0)
    assert report.budgets == {"shop/checkout": 0.42}
    assert report.disk == Disk(61, 100)
    (new,) = report.new_errors
    assert (new.service, new.operation, new.count, new.message) == ("shop", "POST /pay", 17, "no bank")
    assert report.unavailable == ()


async def test_of_a_tenant_without_data_nothing_is_told_and_nothing_is_0(store: AsyncStore, two_weeks: None) -> None:
    assert await questions(store, "empty").report(WEEK) == Report(WEEK, disk=Disk(61, 100))


async def test_with_rules_that_never_fired_it_is_told_that_nothing_did(store: AsyncStore, two_weeks: None) -> None:
    report = await questions(store, "empty", has_rules=lambda: True).report(WEEK)
    assert report.alerts == AlertsWeek(0, None, None, (), ())


async def test_a_week_that_is_half_there_is_not_compared(store: AsyncStore, two_weeks: None) -> None:
    early = Week(WEEK.before - 4 * DAY, WEEK.start - 4 * DAY, WEEK.end - 4 * DAY)
    report = await questions(store).report(early)
    (shop,) = report.services
    assert (shop.before, report.models[0].before, report.new_errors) == (None, None, ())


async def test_what_cannot_be_asked_is_named_and_the_rest_is_told(store: AsyncStore, two_weeks: None) -> None:
    async def broken(*_: Any) -> Any:
        raise Unavailable("the store is busy")

    asked = questions(store)
    report = await StoreQuestions(asked.inquiry, broken, broken, "default").report(WEEK)
    assert report.unavailable == ("alerts: the store is busy", "error budgets: the store is busy")
    assert report.services


@pytest.fixture
async def http_with_digest(
    app: FastAPI, http: httpx.AsyncClient, store: AsyncStore, two_weeks: None
) -> httpx.AsyncClient:
    known = list(app.router.routes)
    if not any(getattr(route, "path", "") == "/api/v1/digest" for route in known):
        app.include_router(digest.routes, prefix="/api/v1")
        app.router.routes[:] = [*app.router.routes[len(known) :], *known]  # before the page that answers all else
    app.state.digest = Configured(lambda tenant: questions(store, tenant), url="http://sonde.test")
    return http


async def test_the_digest_of_the_last_seven_days_can_be_read(http_with_digest: httpx.AsyncClient) -> None:
    told = (await http_with_digest.get("/api/v1/digest")).json()
    assert [section["heading"] for section in told["sections"]] == [
        "Services", "Alerts", "Error budgets", "LLM cost", "Satisfaction", "New errors", "Disk",
    ]  # fmt: skip
    assert told["sections"][0]["columns"] == ["service", "requests", "errors", "p95"]
    assert told["text"].startswith("Week in review: ")
    assert told["html"].startswith("<!DOCTYPE html>")


async def test_a_tenant_reads_its_own_digest_only(http_with_digest: httpx.AsyncClient) -> None:
    told = (await http_with_digest.get("/api/v1/digest", headers={"X-Scope-OrgID": "other"})).json()
    assert [section["heading"] for section in told["sections"]] == ["Disk"]
