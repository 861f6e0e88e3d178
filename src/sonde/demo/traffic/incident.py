# ruff: noqa: E501  (the script is a table: one expected signal a line)
"""What goes wrong when: a script of incidents after a quiet start, repeated, and the ground truth that is written of it.

Each line of ``ground-truth.jsonl`` is one incident: ``id``, ``kind``, ``service``, ``cause``, ``start`` and ``end`` (RFC 3339,
UTC), ``start_unix_nano`` and ``end_unix_nano``, and ``expected``: the signals in which it must be visible. A line is
written when the incident starts, with its planned end; if the demo is stopped before, a second line with the same id
has the true end. The last line of an id holds.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

QUIET_SECONDS = 90.0
CYCLE_SECONDS = 720.0


@dataclass(frozen=True, slots=True)
class Expected:
    """A signal in which an incident shows. ``query`` is PromQL for metrics, else a selector in words of the own API."""

    signal: str
    query: str
    shows: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that goes wrong: ``knobs`` turns the provider's, ``locks_database`` holds the shop's file locked."""

    kind: str
    offset_seconds: float
    duration_seconds: float
    service: str
    cause: str
    expected: tuple[Expected, ...]
    knobs: dict[str, float]
    locks_database: bool = False


SCRIPT = (
    Incident(
        "slow_llm", 0, 60, "backend-api", "the provider answers eight times as slowly",
        (
            Expected("metrics", 'histogram_quantile(0.95, sum by (le) (rate(api_request_duration_seconds_bucket{endpoint="/ask"}[1m])))', "above 2 seconds"),
            Expected("traces", "service=backend-api operation=POST /ask min_duration=2s", "many traces, their chat span is the long one"),
            Expected("llm_calls", "service=backend-api type=chat", "time to first token above 1.5 seconds"),
        ),
        {"first_token_seconds": 2.2, "tokens_per_second": 60.0},
    ),
    Incident(
        "error_burst", 100, 45, "backend-api", "a maintenance script holds the write lock of the database",
        (
            Expected("metrics", 'sum by (endpoint) (rate(api_errors_total{endpoint=~"/orders|/goals.*"}[1m]))', "above zero: many of the writes fail"),
            Expected("logs", 'service=backend-api level=error search="database is locked"', "many records, each with its trace"),
            Expected("traces", "service=backend-api status=error", "failed INSERT spans"),
        ),
        {}, locks_database=True,
    ),
    Incident(
        "cost_spike", 190, 75, "backend-api", "the provider reports eight times the prompt tokens",
        (
            Expected("metrics", "sum by (model) (rate(llm_cost_usd_total[1m]))", "at least three times the value before"),
            Expected("llm_calls", "service=backend-api type=chat", "input tokens eight times as many at the same previews"),
        ),
        {"token_inflation": 8.0},
    ),
    Incident(
        "rate_limit_storm", 310, 45, "backend-api", "the provider refuses most requests with 429",
        (
            Expected("metrics", 'sum(rate(api_requests_total{endpoint="/ask",status="503"}[1m]))', "above zero"),
            Expected("llm_calls", "service=backend-api success=false", "error type RateLimitError or 429"),
            Expected("logs", 'service=backend-api level=error search="rate limit"', "many records"),
        ),
        {"rate_limit_rate": 0.7},
    ),
    Incident(
        "quality_drop", 400, 90, "backend-api", "the model answers with sentences that have nothing to do with the question",
        (
            Expected("metrics", 'sum(rate(feedback_total{rating="up"}[2m])) / sum(rate(feedback_total[2m]))', "falls from about 0.85 to below 0.65"),
            Expected("scores", "name=user_feedback", "mostly 0 on traces of POST /ask"),
        ),
        {"nonsense_rate": 0.9},
    ),
    Incident(
        "provider_outage", 540, 30, "backend-api", "the provider fails with 500",
        (
            Expected("metrics", 'sum(rate(api_requests_total{endpoint="/ask",status="502"}[1m]))', "above zero"),
            Expected("llm_calls", "service=backend-api success=false", "error type InternalServerError or 500"),
        ),
        {"server_error_rate": 0.8},
    ),
)  # fmt: skip


def schedule() -> Iterator[tuple[float, Incident, str]]:
    """All incidents for ever: seconds after the start, the incident, and an id of this one occurrence.

    >>> import itertools
    >>> [(start, name) for start, _, name in itertools.islice(schedule(), 2)]
    [(90.0, 'slow_llm-1'), (190.0, 'error_burst-1')]
    """
    cycle = 0
    while True:
        for incident in SCRIPT:
            start = QUIET_SECONDS + cycle * CYCLE_SECONDS + incident.offset_seconds
            yield start, incident, f"{incident.kind}-{cycle + 1}"
        cycle += 1


def write_ground_truth(path: Path, incident: Incident, occurrence: str, start: float, end: float) -> None:
    """Append the line of one occurrence; ``start`` and ``end`` are Unix seconds."""
    line: dict[str, Any] = {
        "id": occurrence,
        "kind": incident.kind,
        "service": incident.service,
        "cause": incident.cause,
        "start": _rfc3339(start),
        "end": _rfc3339(end),
        "start_unix_nano": int(start * 1e9),
        "end_unix_nano": int(end * 1e9),
        "expected": [asdict(expected) for expected in incident.expected],
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _rfc3339(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds")
