"""Who comes when, and does what: an endless, reproducible stream of visits from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sonde.demo.catalog import CATEGORIES, PRODUCTS, TENANTS, user_ids
from sonde.demo.corpus import QUESTIONS

VISITS_PER_SECOND = 3.0
DAY_SECONDS = 600.0
_DAILY_SWING = 0.35

GOALS = (
    ("running", "I want to run 10 kilometres in less than 55 minutes by the first of June"),
    ("running", "finish a half marathon in autumn without walking"),
    ("hiking", "walk 20 kilometres a day with a pack of 12 kg for a week"),
    ("cycling", "cycle to work 3 days a week until winter"),
    ("strength", "do 2 strength sessions of 30 minutes each week"),
    ("sleep", "sleep 7 hours every night this month"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a visit. ``what`` names the request, ``choice`` a row of the table that it is about, ``draw`` is a
    number in [0, 1) for what the user decides on seeing the answer, ``pause_seconds`` is how long they look at it.
    """

    what: str
    choice: int
    draw: float
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One user on the site, from ``at_seconds`` after the start."""

    at_seconds: float
    persona: str
    tenant_id: str
    user_id: str
    session_id: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Persona:
    name: str
    weight: float
    typical_steps: int
    habits: dict[str, float]


# What each step chooses from; ``habits`` below are weights of these.
CHOICES: dict[str, Sequence[object]] = {
    "browse": CATEGORIES,
    "view": PRODUCTS,
    "recommend": PRODUCTS[:1],
    "ask": QUESTIONS,
    "order": PRODUCTS,
    "orders": PRODUCTS[:1],
    "goal": GOALS,
    "complete goal": GOALS[:1],
    "view nothing": PRODUCTS[:1],
    "order nonsense": PRODUCTS[:1],
    "wrong key": PRODUCTS[:1],
}

_PERSONAS = (
    _Persona("window shopper", 5, 6, {"browse": 5, "view": 5, "recommend": 2, "ask": 0.3, "view nothing": 0.15}),
    _Persona("buyer", 3, 6, {"browse": 2, "view": 3, "recommend": 2, "order": 2, "orders": 1, "order nonsense": 0.1}),
    _Persona("curious", 2, 5, {"ask": 5, "view": 1, "recommend": 0.5}),
    _Persona("athlete", 1.5, 5, {"goal": 2, "complete goal": 1.5, "ask": 1.5, "orders": 1, "recommend": 1}),
    _Persona("prober", 0.15, 3, {"wrong key": 3, "view nothing": 2}),
)


def intensity(at_seconds: float) -> float:
    """How busy it is, 1 on average: a day with its evening peak and its night, compressed to ten minutes.

    >>> intensity(0) < intensity(150) and intensity(450) < intensity(0)
    True
    """
    return 1 + _DAILY_SWING * math.sin(2 * math.pi * at_seconds / DAY_SECONDS)


def visits(seed: int) -> Iterator[Visit]:
    """All visits, in the order of their times, for ever; the same for the same seed."""
    rng = random.Random(f"visits:{seed}")  # noqa: S311  (not a secret)
    at_seconds, number = 0.0, 0
    while True:
        at_seconds += rng.expovariate(VISITS_PER_SECOND * intensity(at_seconds))
        number += 1
        persona = rng.choices(_PERSONAS, weights=[persona.weight for persona in _PERSONAS])[0]
        tenant = rng.choices(TENANTS, weights=[tenant.user_count for tenant in TENANTS])[0]
        user_id = rng.choice(user_ids(tenant))
        yield Visit(at_seconds, persona.name, tenant.id, user_id, f"session-{seed}-{number}", _steps(persona, rng))


def _steps(persona: _Persona, rng: random.Random) -> tuple[Step, ...]:
    count = max(1, round(rng.gauss(persona.typical_steps, 1.5)))
    chosen = rng.choices(list(persona.habits), weights=list(persona.habits.values()), k=count)
    return tuple(
        Step(what, rng.randrange(len(CHOICES[what])), rng.random(), round(rng.uniform(0.3, 2.5), 3)) for what in chosen
    )
