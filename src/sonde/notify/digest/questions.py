"""Asks the store and the rules' series what a week was like: the implementation of ``Questions``.

Each part is asked for itself; one that cannot be answered is missing from the report, and the report says so. The week
before is only compared with where there are data from its first day on: half a week would look like a fall.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sonde.errors import SondeError
from sonde.notify.digest.report import (
    AlertsWeek,
    Disk,
    ModelWeek,
    NewError,
    Report,
    Satisfaction,
    ServiceWeek,
    Traffic,
    Week,
)
from sonde.query.engine import Inquiry, Record
from sonde.query.overview import read_overview
from sonde.query.services import in_minutes
from sonde.query.sql.ast import (
    And,
    Column,
    Comparison,
    In,
    Number,
    Or,
    Order,
    Select,
    Table,
    aliased,
    call,
    eq,
    moment,
    text,
    texts,
)
from sonde.query.window import DAY, MINUTE, TimeRange
from sonde.rules.slo.status import Instant, Range
from sonde.telemetry.labels import METRIC_NAME, Labels

_log = logging.getLogger(__name__)
_FIRING: Final = 'ALERTS{alertstate="firing"}'
_BUDGETS: Final = "slo:period_error_budget_remaining:ratio"
_MOST_NEW_ERRORS: Final = 5
_MOST_NOISY: Final = 5
_MILLI: Final = 10**6
_GOOD: Final = ("good", "up", "thumbs_up", "thumbs-up", "positive", "yes", "like", "correct")
_BAD: Final = ("bad", "down", "thumbs_down", "thumbs-down", "negative", "no", "dislike", "incorrect")


@dataclass(frozen=True, slots=True)
class StoreQuestions:
    """Asks for one tenant."""

    inquiry: Callable[[], Inquiry]
    instant: Instant
    range: Range
    tenant: str
    disk: Callable[[], Disk | None] = lambda: None
    has_rules: Callable[[], bool] = lambda: False
    """Whether there are rules that could have fired: then nothing of them is good news, and else it is none."""

    async def report(self, week: Week) -> Report:
        """See ``Questions``."""
        report = Report(week, disk=self.disk())
        parts: Mapping[str, Callable[[Week], Awaitable[Mapping[str, Any]]]] = {
            "services and LLM cost": self._overview,
            "alerts": self._alerts,
            "error budgets": self._objectives,
            "satisfaction": self._satisfaction,
            "new errors": self._new_errors,
        }
        messages: Mapping[tuple[str, str], str] = {}
        for name, ask in parts.items():
            try:
                found = dict(await ask(week))
            except SondeError as error:
                _log.warning("the digest has no %s: %s", name, error)
                report = replace(report, unavailable=(*report.unavailable, f"{name}: {error.message}"))
                continue
            messages = found.pop("messages", messages)
            report = replace(report, **found)
        told = tuple(
            replace(each, message=messages.get((each.service, each.operation), "")) for each in report.new_errors
        )
        return replace(report, new_errors=told)

    async def _overview(self, week: Week) -> Mapping[str, Any]:
        now, before = [
            await read_overview(self.inquiry(), tenant=self.tenant, window=window, now_nano=week.end)
            for window in _windows(week)
        ]
        old = {each["service"]: each for each in before["services"]} if _covers(before, week) else {}
        services = tuple(
            ServiceWeek(
                each["service"], _traffic(each), _traffic(old[each["service"]]) if each["service"] in old else None
            )
            for each in now["services"]
        )
        messages = {
            (each["service"], each["name"]): each["message"] for each in now["errors"] if each["kind"] == "span"
        }
        return {"services": services, "models": _models(now, before, week), "messages": messages}

    async def _alerts(self, week: Week) -> Mapping[str, Any]:
        now = await self._firings(week.start, week.end)
        if not now.any_seen and not self.has_rules():
            return {}
        before = await self._firings(week.before, week.start)
        total = sum(now.counts.values())
        return {
            "alerts": AlertsWeek(
                firings=total,
                before=sum(before.counts.values()) if before.any_seen else None,
                mttr_seconds=now.ended_seconds / now.ended if now.ended else None,
                noisiest=tuple(sorted(now.counts.most_common(), key=lambda item: (-item[1], item[0]))[:_MOST_NOISY]),
                still_firing=tuple(sorted({_name(labels) for labels in now.open})),
            )
        }

    async def _firings(self, start: int, end: int) -> Firings:
        """The firings of a time, asked day by day, so that the answers stay small."""
        firings = Firings()
        at = start
        while at < end:
            until = min(at + DAY, end)
            last = until - MINUTE if until < end else until
            firings.add(await self.range(_FIRING, at // _MILLI, last // _MILLI, MINUTE // _MILLI))
            at = until
        return firings

    async def _objectives(self, week: Week) -> Mapping[str, Any]:
        found = await self.instant(_BUDGETS, week.end // _MILLI)
        budgets = {
            "/".join(part for part in (known.get("service", ""), known.get("slo", "")) if part) or "objective": left
            for known, left in ((dict(labels), value) for labels, value in found)
            if left == left  # noqa: PLR0124 - not a number is no answer
        }
        return {"budgets": budgets}

    async def _satisfaction(self, week: Week) -> Mapping[str, Any]:
        now, before = await self.inquiry().together(*(_ratings(self.tenant, window) for window in _windows(week)))
        good, bad = (int(now[0][name]) for name in ("good", "bad"))
        if not good + bad:
            return {"satisfaction": None}
        old_good, old_bad = (int(before[0][name]) for name in ("good", "bad"))
        old = old_good / (old_good + old_bad) if old_good + old_bad else None
        return {"satisfaction": Satisfaction(good, good + bad, old)}

    async def _new_errors(self, week: Week) -> Mapping[str, Any]:
        earliest, rows = await self.inquiry().together(_earliest(self.tenant, week), _fresh(self.tenant, week))
        if not earliest or not int(earliest[0]["spans_seen"]) or int(earliest[0]["first"]) * 10**9 > week.before + DAY:
            return {}
        found = [NewError(row["service"], row["name"], int(row["now_sum"])) for row in rows]
        return {"new_errors": tuple(found)}


@dataclass(slots=True)
class Firings:
    """What fired, from values of ``ALERTS`` a minute apart; days are added in order.

    >>> firings = Firings()
    >>> firings.add([((("alertname", "Down"),), [1.0, 1.0, None, 1.0])])
    >>> firings.counts["Down"], firings.ended, firings.ended_seconds, len(firings.open)
    (2, 1, 120.0, 1)
    """

    counts: Counter[str] = field(default_factory=Counter)
    ended: int = 0
    ended_seconds: float = 0.0
    open: dict[Labels, int] = field(default_factory=dict)
    """What fires at the end of what was added, and for how many minutes."""
    any_seen: bool = False

    def add(self, series: Sequence[tuple[Labels, Sequence[float | None]]]) -> None:
        """Add what follows."""
        present = {labels for labels, _ in series}
        for labels in [labels for labels in self.open if labels not in present]:
            self._end(labels)
        for labels, values in series:
            for value in values:
                if value is None:
                    if labels in self.open:
                        self._end(labels)
                elif labels in self.open:
                    self.open[labels] += 1
                else:
                    self.any_seen = True
                    self.counts[_name(labels)] += 1
                    self.open[labels] = 1

    def _end(self, labels: Labels) -> None:
        self.ended += 1
        self.ended_seconds += self.open.pop(labels) * MINUTE / 1e9


def _name(labels: Labels) -> str:
    known = dict(labels)
    return known.get("alertname") or known.get(METRIC_NAME, "")


def _windows(week: Week) -> tuple[TimeRange, TimeRange]:
    return TimeRange(week.start, week.end), TimeRange(week.before, week.start)


def _traffic(service: Record) -> Traffic:
    return Traffic(service["requests"], service["errors"], service["p95_seconds"])


def _covers(overview: Record, week: Week) -> bool:
    """Whether there are data from the first day of a week on."""
    first = min(
        (time for each in overview["services"] for time, rate in zip(each["times"], each["rate"], strict=True) if rate),
        default=None,
    )
    return first is not None and first * 10**9 <= week.before + DAY


def _models(now: Record, before: Record, week: Week) -> tuple[ModelWeek, ...]:
    llm = before["llm"]
    first = min((time for time, cost in zip(llm["times"], llm["cost_usd"], strict=True) if cost), default=None)
    covers = first is not None and first * 10**9 <= week.before + DAY
    old = {(each["model"], each["provider"]): each["cost_usd"] for each in llm["by_model"]} if covers else {}
    return tuple(
        ModelWeek(
            each["model"] or "unknown model",
            each["calls"],
            each["cost_usd"],
            old.get((each["model"], each["provider"])),
        )
        for each in now["llm"]["by_model"]
    )


def _ratings(tenant: str, window: TimeRange) -> Select:
    """Good and bad ratings; of numbers only those that are a choice of two are either."""
    value = Column("value")
    word = call("lower", Column("string_value"))
    ts = Column("ts")
    good = Or((Comparison(value, "=", Number(1)), In(word, texts(_GOOD))))
    bad = Or((Comparison(value, "=", Number(0)), Comparison(value, "=", Number(-1)), In(word, texts(_BAD))))
    return Select(
        columns=aliased(
            good=call("countIf", call("ifNull", good, Number(0))), bad=call("countIf", call("ifNull", bad, Number(0)))
        ),
        source=Table("scores"),
        where=And(
            (
                eq("tenant", text(tenant)),
                eq("source", text("feedback")),
                Comparison(ts, ">=", moment(window.start_nano)),
                Comparison(ts, "<", moment(window.end_nano)),
            )
        ),
    )


def _earliest(tenant: str, week: Week) -> Select:
    return Select(
        columns=aliased(
            first=call("toUnixTimestamp", call("min", Column("ts"))), spans_seen=call("sum", Column("spans"))
        ),
        source=Table("red_1m"),
        where=in_minutes(tenant, TimeRange(week.before, week.start)),
    )


def _fresh(tenant: str, week: Week) -> Select:
    """Operations that failed this week and not in the week before, those that did so most first."""
    is_now = Comparison(Column("ts"), ">=", moment(week.start))
    errors = Column("errors")
    sums = Select(
        columns=(
            Column("service"),
            Column("name"),
            *aliased(
                now_sum=call("sumIf", errors, is_now),
                all_sum=call("sum", errors),
            ),
        ),
        source=Table("red_1m"),
        where=And((in_minutes(tenant, TimeRange(week.before, week.end)), Comparison(errors, ">", Number(0)))),
        group_by=(Column("service"), Column("name")),
    )
    return Select(
        columns=(Column("service"), Column("name"), Column("now_sum")),
        source=sums,
        where=And(
            (Comparison(Column("now_sum"), ">", Number(0)), Comparison(Column("now_sum"), "=", Column("all_sum")))
        ),
        order_by=(Order(Column("now_sum"), descending=True), Order(Column("service")), Order(Column("name"))),
        limit=_MOST_NEW_ERRORS,
    )
