"""The demo's services together, each in this process on a socket of its own, without telemetry."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.demo.serving import served

from sonde.demo.backend_api import app as backend_api
from sonde.demo.backend_api import supplier
from sonde.demo.catalog import PRODUCTS, TENANTS, user_ids
from sonde.demo.ml_engine import app as ml_engine
from sonde.demo.provider import app as provider
from sonde.demo.scraper.job import scrape, shelf
from sonde.demo.traffic.incident import Incident
from sonde.demo.traffic.play import play_incident, play_visit
from sonde.demo.traffic.visit import CHOICES, Step, Visit

FAST = {"first_token_seconds": 0.001, "tokens_per_second": 1e6, "server_error_rate": 0.0}
USER = user_ids(TENANTS[0])[2]
KEY = {"x-api-key": TENANTS[0].api_key, "x-user-id": USER}


@pytest.fixture(scope="module")
def provider_url() -> Iterator[str]:
    with served(provider.create_app(seed=7)) as url:
        yield url


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return tmp_path_factory.mktemp("shop") / "shop.sqlite"


@dataclass
class Clock:
    """What the supplier's clock shows."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def shop_url(provider_url, database, clock) -> Iterator[str]:
    with served(ml_engine.create_app(seed=7)) as engine:
        app = backend_api.create_app(database=database, provider=provider_url, ml_engine=engine, seed=7, now=clock)
        with served(app) as url:
            yield url


@pytest.fixture
def shop(shop_url, provider_url) -> Iterator[httpx.Client]:
    httpx.put(f"{provider_url}/admin/knobs", json=FAST)
    with httpx.Client(base_url=shop_url, headers=KEY, timeout=20) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/healthz", None, 200),
        ("GET", "/products?category=camping", None, 200),
        ("GET", "/products/shoe-alba", None, 200),
        ("GET", "/products/no-such-product", None, 404),
        ("POST", "/orders", {"product_id": "shoe-alba", "quantity": 2}, 201),
        ("POST", "/orders", {"product_id": "no-such-product", "quantity": 2}, 404),
        ("POST", "/orders", {"product_id": "shoe-alba", "quantity": -1}, 422),
        ("GET", "/orders", None, 200),
        ("POST", "/goals", {"goal_type": "running", "wish": "run 10 kilometres in June"}, 201),
        ("POST", "/goals/99999/complete", None, 404),
        ("POST", "/ask", {"question": "When is shipping free?"}, 200),
        ("GET", "/recommendations", None, 200),
        ("POST", "/feedback", {"trace_id": "0" * 31 + "1", "rating": 1}, 204),
        ("POST", "/feedback", {"trace_id": "x", "rating": 1}, 422),
    ],
)
def test_each_route_answers_with_its_status(shop, method, path, body, status):
    assert shop.request(method, path, json=body).status_code == status


def test_a_key_that_nobody_has_is_refused(shop):
    assert shop.get("/products", headers={"x-api-key": "guessed"}).status_code == 401


def test_an_answer_comes_from_the_passage_that_has_it(shop):
    answer = shop.post("/ask", json={"question": "When is shipping free?"}).json()
    assert "free from 60 euros" in answer["text"]
    assert "delivery-cost" in answer["citations"]


def test_a_question_about_one_topic_is_answered_from_it_only(shop):
    answer = shop.post("/ask", json={"question": "How long does Sonde keep traces?", "topic": "product"}).json()
    assert set(answer["citations"]) <= {product.id for product in PRODUCTS}


def test_a_goal_is_made_measurable_by_the_models_tool_call_and_can_be_reached_once(shop):
    goal = shop.post("/goals", json={"goal_type": "running", "wish": "run 10 kilometres in June"}).json()
    assert goal["target"] == 10
    assert shop.post(f"/goals/{goal['id']}/complete").status_code == 200
    assert shop.post(f"/goals/{goal['id']}/complete").status_code == 404


def test_recommendations_are_products_that_exist(shop):
    items = shop.get("/recommendations").json()["items"]
    assert {item["product_id"] for item in items} <= {product.id for product in PRODUCTS}
    assert [item["score"] for item in items] == sorted((item["score"] for item in items), reverse=True)


@pytest.mark.parametrize(("knobs", "status"), [({"rate_limit_rate": 1.0}, 503), ({"server_error_rate": 1.0}, 502)])
def test_a_failing_provider_is_told_apart_by_the_status(shop, provider_url, knobs, status):
    httpx.put(f"{provider_url}/admin/knobs", json=knobs)
    assert shop.post("/ask", json={"question": "When is shipping free?"}).status_code == status


def test_the_scraper_follows_the_supplier(shop, clock):
    calm = [number for number in range(100, 200) if not supplier.in_outage(7, number)]
    listed = shelf(shop)
    for number in calm[:20]:
        clock.seconds = number * supplier.EPOCH_SECONDS
        listed = scrape(shop, listed)
    assert set(shelf(shop)) == set(listed)
    assert {offered.id for offered in supplier.offer(7, calm[19])} <= set(listed)
    stormy = next(number for number in range(100, 500) if supplier.in_outage(7, number))
    clock.seconds = stormy * supplier.EPOCH_SECONDS
    assert scrape(shop, listed) == listed


async def test_a_visitor_can_take_every_kind_of_step(shop_url, shop):
    steps = tuple(Step(what, 0, 0.0, 0.0) for what in ("goal", *CHOICES))
    visit = Visit(0.0, "all of them", TENANTS[0].id, USER, "session-1", steps)
    statuses: list[int] = []

    async def note(response: httpx.Response) -> None:
        statuses.append(response.status_code)

    async with httpx.AsyncClient(base_url=shop_url, event_hooks={"response": [note]}, timeout=20) as client:
        await play_visit(client, visit)
    assert len(statuses) == len(steps) + 2  # and two thumbs
    assert set(statuses) == {200, 201, 204, 401, 404, 422}


async def written(path: Path) -> None:
    while not path.exists():  # noqa: ASYNC110, ASYNC240 - a file gives no event
        await asyncio.sleep(0.005)


async def test_an_incident_ends_as_it_began_and_is_written_down(shop, provider_url, database, tmp_path):
    incident = Incident("cost_spike", 0, 0.02, "backend-api", "", (), {"token_inflation": 8.0})
    truth = tmp_path / "ground-truth.jsonl"
    async with httpx.AsyncClient(base_url=provider_url) as admin:
        before = (await admin.put("/admin/knobs", json={})).json()
        await play_incident(admin, database, truth, incident, "cost_spike-1")
        after = (await admin.get("/admin/knobs")).json()
    assert after == before
    assert [json.loads(line)["id"] for line in truth.read_text().splitlines()] == ["cost_spike-1"]


async def test_an_incident_that_is_cut_short_gets_its_true_end(shop, provider_url, database, tmp_path):
    incident = Incident("slow_llm", 0, 3600, "backend-api", "", (), {"first_token_seconds": 3.0})
    truth = tmp_path / "ground-truth.jsonl"
    async with httpx.AsyncClient(base_url=provider_url) as admin:
        playing = asyncio.create_task(play_incident(admin, database, truth, incident, "slow_llm-1"))
        await written(truth)
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing
        after = (await admin.get("/admin/knobs")).json()
    planned, true = [json.loads(line)["end_unix_nano"] for line in truth.read_text().splitlines()]
    assert true < planned
    assert after["first_token_seconds"] < 1


async def test_a_locked_database_makes_writes_fail_and_reads_go_on(shop_url, shop, provider_url, database, tmp_path):
    incident = Incident("error_burst", 0, 0.6, "backend-api", "", (), {}, locks_database=True)
    truth = tmp_path / "ground-truth.jsonl"
    order = {"product_id": "shoe-alba", "quantity": 1}
    async with (
        httpx.AsyncClient(base_url=provider_url) as admin,
        httpx.AsyncClient(base_url=shop_url, headers=KEY, timeout=20) as client,
    ):
        playing = asyncio.create_task(play_incident(admin, database, truth, incident, "error_burst-1"))
        await written(truth)
        read, write = await asyncio.gather(client.get("/products/shoe-alba"), client.post("/orders", json=order))
        await playing
        assert (read.status_code, write.status_code) == (200, 503)
        assert "database is locked" in write.json()["detail"]
        assert (await client.post("/orders", json=order)).status_code == 201
