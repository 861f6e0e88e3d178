"""Makes visits and incidents happen: requests to the backend, knobs turned at the provider, the database locked.

An open loop: visits come at their time however slow the answers are, up to a bound on visits at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sonde.demo.catalog import CATEGORIES, PRODUCTS, TENANTS
from sonde.demo.corpus import PASSAGES, QUESTIONS
from sonde.demo.traffic.incident import Incident, schedule, write_ground_truth
from sonde.demo.traffic.visit import GOALS, Step, Visit, visits

_VISITS_AT_ONCE = 150
_PATIENCE_SECONDS = 60.0  # the shop may still be starting
_THUMB_RATE = 0.55
_GOOD_ANSWER_LIKED = 0.9
_BAD_ANSWER_LIKED = 0.15
_RECOMMENDATION_LIKED = 0.75
_LOCK_HELD_SECONDS = 0.7
_LOCK_PAUSE_SECONDS = 0.3
_TOPIC_NAMED_ABOVE = 0.8
_TOPICS = {passage.id: passage.topic for passage in PASSAGES}
_API_KEYS = {tenant.id: tenant.api_key for tenant in TENANTS}


async def play(
    *, backend: str, provider: str, database: Path, ground_truth: Path, seed: int, incidents: bool = True
) -> None:
    """Wait until the shop is open, then play visits until cancelled, and incidents beside them.

    An incident that is cut short gets its true end written down.
    """
    limits = httpx.Limits(max_connections=_VISITS_AT_ONCE, max_keepalive_connections=32)
    async with (
        httpx.AsyncClient(base_url=backend, timeout=_PATIENCE_SECONDS, limits=limits) as shop,
        httpx.AsyncClient(base_url=provider, timeout=_PATIENCE_SECONDS) as admin,
    ):
        await shop.get("/healthz")
        async with asyncio.TaskGroup() as group:
            group.create_task(_play_visits(shop, visits(seed)))
            if incidents:
                group.create_task(_play_incidents(admin, database, ground_truth))


async def _play_visits(shop: httpx.AsyncClient, stream: Iterator[Visit]) -> None:
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        at_once: set[asyncio.Task[None]] = set()
        for visit in stream:
            await asyncio.sleep(started + visit.at_seconds - time.monotonic())
            if len(at_once) < _VISITS_AT_ONCE:
                task = group.create_task(play_visit(shop, visit))
                at_once.add(task)
                task.add_done_callback(at_once.discard)


@dataclass(frozen=True, slots=True)
class _Visitor:
    """What one user carries from step to step: headers, and the goals that are still open."""

    headers: dict[str, str]
    goals: list[int]


async def play_visit(shop: httpx.AsyncClient, visit: Visit) -> None:
    """All steps of one visit, one after the other; whoever cannot reach the shop gives up."""
    headers = {
        "x-api-key": _API_KEYS[visit.tenant_id],
        "x-user-id": visit.user_id,
        "x-session-id": visit.session_id,
    }
    visitor = _Visitor(headers, [])
    try:
        for step in visit.steps:
            method, path, extra = _REQUESTS[step.what](step, visitor)
            answer = await shop.request(method, path, **{"headers": headers, **extra})
            if answer.is_success and step.what in _REACTIONS:
                await _REACTIONS[step.what](shop, step, visitor, answer.json())
            await asyncio.sleep(step.pause_seconds)
    except httpx.HTTPError:
        return


def _complete_goal(visitor: _Visitor) -> _Request:
    """The newest open goal; who has none looks at the orders instead."""
    return ("POST", f"/goals/{visitor.goals.pop()}/complete", {}) if visitor.goals else ("GET", "/orders", {})


# What each step asks the shop for; the names are those of ``visit.CHOICES``.
_Request = tuple[str, str, dict[str, Any]]
_REQUESTS: dict[str, Callable[[Step, _Visitor], _Request]] = {
    "browse": lambda step, _: ("GET", "/products", {"params": {"category": CATEGORIES[step.choice]}}),
    "view": lambda step, _: ("GET", f"/products/{PRODUCTS[step.choice].id}", {}),
    "recommend": lambda _step, _: ("GET", "/recommendations", {}),
    "ask": lambda step, _: ("POST", "/ask", {"json": _question(step)}),
    "order": lambda step, _: ("POST", "/orders", {"json": _order(step, 1 + int(step.draw * 3))}),
    "orders": lambda _step, _: ("GET", "/orders", {}),
    "goal": lambda step, _: ("POST", "/goals", {"json": _goal(step)}),
    "complete goal": lambda _step, visitor: _complete_goal(visitor),
    "view nothing": lambda _step, _: ("GET", "/products/no-such-product", {}),
    "order nonsense": lambda step, _: ("POST", "/orders", {"json": _order(step, -1)}),
    "wrong key": lambda _step, visitor: ("GET", "/products", {"headers": visitor.headers | {"x-api-key": "guessed"}}),
}


def _order(step: Step, quantity: int) -> dict[str, Any]:
    return {"product_id": PRODUCTS[step.choice].id, "quantity": quantity}


def _question(step: Step) -> dict[str, str]:
    """Some users say what their question is about."""
    question = QUESTIONS[step.choice]
    about = {"topic": _TOPICS[question.passage_id]} if step.draw > _TOPIC_NAMED_ABOVE else {}
    return {"question": question.text, **about}


def _goal(step: Step) -> dict[str, str]:
    goal_type, wish = GOALS[step.choice]
    return {"goal_type": goal_type, "wish": wish}


async def _rate_answer(shop: httpx.AsyncClient, step: Step, visitor: _Visitor, answer: dict[str, Any]) -> None:
    """Half of the users rate an answer, and most of these know whether it was one to their question."""
    is_good = QUESTIONS[step.choice].passage_id in answer["citations"]
    await _rate(shop, step, visitor, answer, like_rate=_GOOD_ANSWER_LIKED if is_good else _BAD_ANSWER_LIKED)


async def _rate_products(shop: httpx.AsyncClient, step: Step, visitor: _Visitor, answer: dict[str, Any]) -> None:
    await _rate(shop, step, visitor, answer, like_rate=_RECOMMENDATION_LIKED)


async def _rate(
    shop: httpx.AsyncClient, step: Step, visitor: _Visitor, answer: dict[str, Any], *, like_rate: float
) -> None:
    if step.draw < _THUMB_RATE:
        liked = step.draw / _THUMB_RATE < like_rate
        comment = "" if liked else "not what I asked for"
        thumb = {"trace_id": answer["trace_id"], "rating": int(liked), "comment": comment}
        await shop.post("/feedback", json=thumb, headers=visitor.headers)


async def _remember_goal(_shop: httpx.AsyncClient, _step: Step, visitor: _Visitor, answer: dict[str, Any]) -> None:
    visitor.goals.append(answer["id"])


_REACTIONS: dict[str, Callable[[httpx.AsyncClient, Step, _Visitor, dict[str, Any]], Awaitable[None]]] = {
    "ask": _rate_answer,
    "recommend": _rate_products,
    "goal": _remember_goal,
}


async def _play_incidents(admin: httpx.AsyncClient, database: Path, ground_truth: Path) -> None:
    started = time.monotonic()
    for at_seconds, incident, occurrence in schedule():
        await asyncio.sleep(started + at_seconds - time.monotonic())
        try:
            await play_incident(admin, database, ground_truth, incident, occurrence)
        except httpx.HTTPError as error:
            sys.stderr.write(f"incident {occurrence} did not happen: the provider does not answer: {error!r}\n")


async def play_incident(
    admin: httpx.AsyncClient, database: Path, ground_truth: Path, incident: Incident, occurrence: str
) -> None:
    """Bring the incident about, and leave everything as it was, also when cancelled."""
    (await admin.put("/admin/knobs", json=incident.knobs)).raise_for_status()
    start = time.time()
    write_ground_truth(ground_truth, incident, occurrence, start, start + incident.duration_seconds)
    try:
        if incident.locks_database:
            await _hold_lock(database, until=time.monotonic() + incident.duration_seconds)
        else:
            await asyncio.sleep(incident.duration_seconds)
    except asyncio.CancelledError:
        write_ground_truth(ground_truth, incident, occurrence, start, time.time())
        raise
    finally:
        (await admin.put("/admin/knobs", json={})).raise_for_status()


async def _hold_lock(database: Path, *, until: float) -> None:
    """Take the write lock of the shop's file for most of each second, as a clumsy maintenance script would."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None, timeout=_LOCK_PAUSE_SECONDS)) as connection:
        while time.monotonic() < until:
            # A customer's write may be quicker: then the next try is due after the pause.
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("BEGIN IMMEDIATE")
                await asyncio.sleep(_LOCK_HELD_SECONDS)
                connection.execute("ROLLBACK")
            await asyncio.sleep(_LOCK_PAUSE_SECONDS)
