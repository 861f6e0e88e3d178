"""Which attempts were made to tell somebody of alerts: noted by ``notify``, shown newest first by ``web``.

What is kept is bounded: by age and by number a tenant, and each row by its size. ``History`` fits
``notify.history.History``. Times are Unix nanoseconds; rows are in the order of float seconds and their ids.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import sqlalchemy as sa

from sonde.telemetry.labels import Labels

MAX_AGE_SECONDS: Final = 30 * 86_400.0
MAX_ENTRIES: Final = 100_000
MAX_LABELS_CHARACTERS: Final = 16_384
"""Of one row: labels of further alerts are not kept, only how many they were."""
MAX_ERROR_CHARACTERS: Final = 2_000
MAX_SCANNED: Final = 20_000
"""Rows that one question looks through."""
_PRUNE_SECONDS: Final = 3600.0


class Attempt(Protocol):
    """An attempt to tell somebody; what the fields mean is said in ``notify.history.Notification``."""

    @property
    def at(self) -> int: ...  # noqa: D102
    @property
    def receiver(self) -> str: ...  # noqa: D102
    @property
    def integration(self) -> str: ...  # noqa: D102
    @property
    def group_key(self) -> str: ...  # noqa: D102
    @property
    def group_labels(self) -> Labels: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def alerts(self) -> tuple[Labels, ...]: ...  # noqa: D102
    @property
    def firing(self) -> int: ...  # noqa: D102
    @property
    def attempt(self) -> int: ...  # noqa: D102
    @property
    def duration(self) -> int: ...  # noqa: D102
    @property
    def error(self) -> str: ...  # noqa: D102
    @property
    def is_retried(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An attempt as it is kept."""

    id: str
    at: int
    receiver: str
    integration: str
    group_key: str
    group_labels: Mapping[str, str]
    status: str
    alerts: Sequence[Mapping[str, str]]
    """As many as were kept."""
    alert_count: int
    firing: int
    attempt: int
    duration: int
    error: str
    is_retried: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which attempts are asked for. Times are Unix seconds: from ``since`` up to, but without, ``until``."""

    tenant: str
    since: float
    until: float
    receiver: str | None = None
    status: str | None = None
    has_failed: bool | None = None
    fits: Callable[[Mapping[str, str]], bool] | None = None
    """Whether the labels of an alert are asked for; one of an attempt's alerts has to fit."""


Place = tuple[float, str]
"""Where a page ends: the time and the id of the last row that was looked at."""


@dataclass(frozen=True, slots=True)
class Page:
    """Attempts, newest first, and where to go on."""

    kept: Sequence[Kept]
    end: Place | None
    scanned: int
    """How many rows were looked at."""


class History:
    """Keeps attempts in the state database.

    Args:
        engine: The state database.
        max_age_seconds: How old what is kept may get.
        max_entries: How much of a tenant is kept. May be exceeded by a hundredth until it is pruned.
    """

    def __init__(
        self, engine: sa.Engine, *, max_age_seconds: float = MAX_AGE_SECONDS, max_entries: int = MAX_ENTRIES
    ) -> None:
        self._engine = engine
        self._max_age_seconds = max_age_seconds
        self._max_entries = max_entries
        self._lock = threading.Lock()
        self._since_pruned: dict[str, tuple[float, int]] = {}

    def note(self, notifications: Sequence[Attempt], *, tenant: str) -> None:
        """Keep them; blocks for a transaction. Now and then it forgets what is too old or too much."""
        if not notifications:
            return
        newest = max(each.at for each in notifications) / 1e9
        is_due = self._is_due(tenant, newest, len(notifications))
        with self._engine.begin() as connection:
            connection.execute(_ADD, [_row(each, tenant) for each in notifications])
            if is_due:
                connection.execute(_FORGET_OLD, {"tenant": tenant, "before": newest - self._max_age_seconds})
                connection.execute(_FORGET_MANY, {"tenant": tenant, "keep": self._max_entries})

    def _is_due(self, tenant: str, now: float, count: int) -> bool:
        with self._lock:
            pruned_at, added = self._since_pruned.get(tenant, (float("-inf"), 0))
            added += count
            is_due = now - pruned_at >= _PRUNE_SECONDS or added > self._max_entries // 100
            self._since_pruned[tenant] = (now, 0) if is_due else (pruned_at, added)
        return is_due


def find(engine: sa.Engine, question: Question, *, limit: int, after: Place | None = None) -> Page:
    """The newest attempts that are asked for, after a place.

    Looks at ``MAX_SCANNED`` rows at most; a page may therefore be short, or empty, and yet have an end to go on from.
    """
    query, parameters = _statement(question, after)
    found: list[Kept] = []
    scanned = 0
    with engine.connect() as connection:
        rows = connection.execution_options(stream_results=True).execute(query, parameters)
        for row in rows.mappings():
            scanned += 1
            kept = _kept(row)
            if question.fits is None or any(map(question.fits, kept.alerts)):
                found.append(kept)
            if len(found) == limit or scanned == MAX_SCANNED:
                end = (float(row["at"]), str(row["id"]))
                return Page(found, end if rows.first() is not None else None, scanned)
    return Page(found, None, scanned)


_ADD: Final = sa.text(
    "INSERT INTO notifications (id, tenant, at, receiver, integration, status, error, document)"
    " VALUES (:id, :tenant, :at, :receiver, :integration, :status, :error, :document)"
)
_FORGET_OLD: Final = sa.text("DELETE FROM notifications WHERE tenant = :tenant AND at < :before")
_FORGET_MANY: Final = sa.text(
    "DELETE FROM notifications WHERE tenant = :tenant AND at <= "
    "(SELECT at FROM notifications WHERE tenant = :tenant ORDER BY at DESC LIMIT 1 OFFSET :keep)"
)
_CONDITIONS: Final = {
    "receiver": "receiver = :receiver",
    "status": "status = :status",
    "has_failed": "(error <> '') = :has_failed",
    "after": "(at < :after_at OR (at = :after_at AND id < :after_id))",
}


def _statement(question: Question, after: Place | None) -> tuple[sa.TextClause, dict[str, Any]]:
    given: dict[str, Any] = {
        "receiver": question.receiver,
        "status": question.status,
        "has_failed": question.has_failed,
        "after": after,
    }
    conditions = [condition for name, condition in _CONDITIONS.items() if given[name] is not None]
    after_at, after_id = after or (0.0, "")
    query = " ".join(
        (
            "SELECT id, at, receiver, integration, status, error, document FROM notifications",
            "WHERE tenant = :tenant AND at >= :since AND at < :until",
            *(f"AND {condition}" for condition in conditions),
            f"ORDER BY at DESC, id DESC LIMIT {MAX_SCANNED + 1}",
        )
    )
    every = {
        "tenant": question.tenant,
        "since": question.since,
        "until": question.until,
        "receiver": question.receiver,
        "status": question.status,
        "has_failed": question.has_failed,
        "after_at": after_at,
        "after_id": after_id,
    }
    statement = sa.text(query)
    return statement, {name: value for name, value in every.items() if f":{name}" in query}


def _row(attempt: Attempt, tenant: str) -> dict[str, Any]:
    document = {
        "at": attempt.at,
        "group_key": _storable(attempt.group_key),
        "group_labels": dict(attempt.group_labels),
        "alerts": _bounded(attempt.alerts),
        "alert_count": len(attempt.alerts),
        "firing": attempt.firing,
        "attempt": attempt.attempt,
        "duration": attempt.duration,
        "is_retried": attempt.is_retried,
    }
    return {
        "id": uuid.uuid4().hex,
        "tenant": tenant,
        "at": attempt.at / 1e9,
        "receiver": _storable(attempt.receiver),
        "integration": _storable(attempt.integration),
        "status": attempt.status,
        "error": _storable(attempt.error[:MAX_ERROR_CHARACTERS]),
        "document": json.dumps(document, separators=(",", ":")),
    }


def _bounded(alerts: Sequence[Labels]) -> list[dict[str, str]]:
    """As many alerts' labels as a row has room for."""
    kept: list[dict[str, str]] = []
    size = 0
    for labels in alerts:
        size += sum(len(name) + len(value) for name, value in labels)
        if size > MAX_LABELS_CHARACTERS:
            break
        kept.append(dict(labels))
    return kept


def _storable(text: str) -> str:
    r"""Text that every database takes.

    >>> _storable("a\0b\udcff")
    'a b?'
    """
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _kept(row: sa.RowMapping) -> Kept:
    return Kept(
        id=row["id"],
        receiver=row["receiver"],
        integration=row["integration"],
        status=row["status"],
        error=row["error"],
        **json.loads(row["document"]),
    )
