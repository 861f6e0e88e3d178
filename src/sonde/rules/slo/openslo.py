"""OpenSLO v1: the documents of a file that matter to rules, as objectives.

Specification: https://github.com/OpenSLO/OpenSLO/tree/v1.0.0
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import yaml

from sonde.errors import Unsupported
from sonde.rules.slo.burn_rate import BurnRate
from sonde.rules.slo.document import Reader
from sonde.rules.slo.indicator import (
    counter_rate,
    of_bad,
    of_good,
    of_ratio,
    of_slice_ratios,
    of_slices,
    of_threshold,
    windowed,
)
from sonde.rules.slo.objective import CALENDAR_DAYS, Calendar, Indicator, Objective, Period
from sonde.rules.yaml_node import place_of

API_VERSION: Final = "openslo/v1"

_KINDS: Final = (
    "SLO", "SLI", "AlertPolicy", "AlertCondition", "DataSource", "Service", "AlertNotificationTarget",
)  # fmt: skip
_OPERATORS: Final = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_SEVERITIES: Final = {"page": "critical", "ticket": "warning"}
_CALENDARS: Final[dict[str, Calendar]] = {"1d": "day", "1w": "week", "1M": "month", "1Q": "quarter", "1Y": "year"}
_MINUTE: Final = 60 * 10**9
_STARTS: Final = {
    "day": r".* 00:00(:00)?", "week": r".* 00:00(:00)?", "month": r".*-01 00:00(:00)?",
    "quarter": r".*-(01|04|07|10)-01 00:00(:00)?", "year": r".*-01-01 00:00(:00)?",
}  # fmt: skip


@dataclass(slots=True)
class _Files:
    """All documents by kind and name, so that they find each other."""

    reader: Reader
    by_name: dict[tuple[str, str], yaml.Node] = field(default_factory=dict)

    def named(self, kind: str, node: yaml.Node) -> yaml.Node | None:
        name = self.reader.text(node)
        found = self.by_name.get((kind, name))
        if found is None:
            self.reader.wrong(node, f"there is no {kind} named {name}")
        return found


def read_openslo(reader: Reader, roots: list[yaml.Node]) -> tuple[Objective, ...]:
    """The objectives of the documents; what is wrong with them is left with the reader.

    Raises:
        Unsupported: They ask for what no rules can be made of.
    """
    files = _Files(reader)
    for root in roots:
        found = reader.mapping(root, "OpenSLO document")
        kind = reader.text(found.get("kind"))
        if kind not in _KINDS:
            reader.wrong(found.get("kind", root), f"{kind or 'nothing'} is none of the kinds {', '.join(_KINDS)}")
        name = reader.required(reader.mapping(found.get("metadata"), "metadata"), "name", found.get("metadata", root))
        if (kind, name) in files.by_name:
            reader.wrong(root, f"there are two of kind {kind} named {name}")
        files.by_name[kind, name] = root
    return tuple(
        objective
        for (kind, name), root in files.by_name.items()
        if kind == "SLO"
        for objective in _objectives(files, name, root)
    )


def _objectives(files: _Files, name: str, root: yaml.Node) -> list[Objective]:
    reader, before = files.reader, len(files.reader.problems)
    document = reader.mapping(root, "SLO")
    metadata = reader.mapping(document.get("metadata"), "metadata")
    spec = reader.mapping(document.get("spec"), "spec")
    period = _period(reader, spec, root)
    alerts = _alerts(files, spec)
    goals = reader.items(spec.get("objectives"), "list of objectives", lambda node: node)
    if not goals:
        reader.wrong(spec.get("objectives", root), "objectives is missing")
    found: list[Objective] = []
    for number, goal in enumerate(goals, start=1):
        fields = reader.mapping(goal, "objective")
        indicator = _budgeted(reader, spec, fields, goal, _indicator(files, spec, fields, goal))
        target = _target(reader, fields, goal)
        if len(reader.problems) == before:
            found.append(
                Objective(
                    name=name if len(goals) == 1 else f"{name}-{number}",
                    service=reader.required(spec, "service", root),
                    target=target,
                    period=period,
                    indicator=indicator,
                    description=reader.text(spec.get("description")),
                    annotations=reader.texts(metadata.get("annotations")),
                    alerts=alerts,
                )
            )
    return found if len(reader.problems) == before else []


def _period(reader: Reader, spec: dict[str, yaml.Node], root: yaml.Node) -> Period:
    windows = reader.items(spec.get("timeWindow"), "list of time windows", lambda node: node)
    if len(windows) != 1:
        reader.wrong(spec.get("timeWindow", root), f"an SLO has one timeWindow, here are {len(windows)}")
        return Period(30)
    found = reader.mapping(windows[0], "timeWindow")
    duration = reader.text(found.get("duration"))
    if reader.boolean(found.get("isRolling")):
        return Period(reader.days(found.get("duration")) or 30)
    calendar = _CALENDARS.get(duration)
    if calendar is None:
        raise Unsupported(
            f"calendar windows of {duration or 'no duration'} are not supported",
            code="slo.window",
            hint=f"durations of calendar windows are {', '.join(_CALENDARS)}",
            position=_position(found.get("duration", windows[0])),
        )
    starts = reader.mapping(found.get("calendar"), "calendar")
    zone = reader.text(starts.get("timeZone")) or "UTC"
    if zone not in {"UTC", "Etc/UTC", "GMT"}:
        raise Unsupported(
            f"the time zone {zone} is not supported", code="slo.window", hint="budgets are counted in UTC",
            position=_position(starts["timeZone"]),
        )  # fmt: skip
    start = reader.text(starts.get("startTime"))
    if start and not re.fullmatch(_STARTS[calendar], start):
        raise Unsupported(
            f"a {calendar} that starts at {start} is not supported", code="slo.window",
            hint="days start at midnight, weeks on Monday, all others on their first day",
            position=_position(starts["startTime"]),
        )  # fmt: skip
    return Period(CALENDAR_DAYS[calendar], calendar)


def _target(reader: Reader, found: dict[str, yaml.Node], goal: yaml.Node) -> float:
    node = found.get("target") or found.get("targetPercent")
    value = reader.number(node)
    share = value if "target" in found else round(value / 100, 12)
    if not 0 < share < 1:
        where = node if node is not None else goal
        reader.wrong(where, "an objective has a target between 0 and 1, or a targetPercent between 0 and 100")
        return 0.5
    return share


def _budgeted(
    reader: Reader, spec: dict[str, yaml.Node], found: dict[str, yaml.Node], goal: yaml.Node, indicator: Indicator
) -> Indicator:
    method = reader.text(spec.get("budgetingMethod")) or "Occurrences"
    match method:
        case "Occurrences":
            return indicator
        case "Timeslices":
            target = reader.number(found.get("timeSliceTarget"))
            if not 0 < target <= 1:
                reader.wrong(found.get("timeSliceTarget", goal), "Timeslices need a timeSliceTarget between 0 and 1")
                return indicator
            slice_nano = reader.duration(found.get("timeSliceWindow")) or 5 * _MINUTE
            if slice_nano not in {_MINUTE, 5 * _MINUTE}:
                raise Unsupported(
                    f"slices of {reader.text(found['timeSliceWindow'])} are not supported", code="slo.slice",
                    hint="each minute the last five minutes are judged; write 1m or 5m",
                    position=_position(found["timeSliceWindow"]),
                )  # fmt: skip
            return of_slices(indicator, target)
        case "RatioTimeslices":
            return of_slice_ratios(indicator)
        case _:
            reader.wrong(spec["budgetingMethod"], f"{method} is none of Occurrences, Timeslices, RatioTimeslices")
            return indicator


def _indicator(
    files: _Files, spec: dict[str, yaml.Node], objective: dict[str, yaml.Node], goal: yaml.Node
) -> Indicator:
    reader = files.reader
    root = objective.get("indicator") or spec.get("indicator")
    reference = objective.get("indicatorRef") or spec.get("indicatorRef")
    if root is None and reference is not None:
        root = files.named("SLI", reference)
        if root is None:
            return Indicator("", "")
    if root is None:
        reader.wrong(goal, "indicator or indicatorRef is missing")
        return Indicator("", "")
    sli = reader.mapping(reader.mapping(root, "indicator").get("spec"), "spec")
    if "thresholdMetric" in sli:
        query = _query(files, sli["thresholdMetric"], counter=False)
        operator = _OPERATORS.get(reader.text(objective.get("op")), "")
        if not operator:
            reader.wrong(objective.get("op", goal), f"a thresholdMetric needs an op of {', '.join(_OPERATORS)}")
        return of_threshold(query, operator, reader.number(objective.get("value"), default=0))
    if "ratioMetric" not in sli:
        reader.wrong(root, "an indicator has a thresholdMetric or a ratioMetric")
        return Indicator("", "")
    return _ratio(files, sli["ratioMetric"])


def _ratio(files: _Files, node: yaml.Node) -> Indicator:
    reader = files.reader
    found = reader.mapping(node, "ratioMetric")
    counter = reader.boolean(found.get("counter"))
    if "raw" in found:
        raw = _query(files, found["raw"], counter=False)
        return of_ratio(raw if reader.text(found.get("rawType")) == "failure" else f"1 - ({raw})")
    if "total" not in found or ("good" in found) == ("bad" in found):
        reader.wrong(node, "a ratioMetric has total and one of good and bad, or raw")
        return Indicator("", "")
    total = _query(files, found["total"], counter=counter)
    if "good" in found:
        return of_good(_query(files, found["good"], counter=counter), total)
    return of_bad(_query(files, found["bad"], counter=counter), total)


def _query(files: _Files, node: yaml.Node, *, counter: bool) -> str:
    reader = files.reader
    source_node = reader.mapping(node, "metric").get("metricSource", node)
    source = reader.mapping(source_node, "metricSource")
    kind = reader.text(source.get("type"))
    if "metricSourceRef" in source:
        root = files.named("DataSource", source["metricSourceRef"])
        spec = reader.mapping(reader.mapping(root, "DataSource").get("spec"), "spec")
        kind = kind or reader.text(spec.get("type"))
    if kind and kind.lower() not in {"prometheus", "sonde"}:
        raise Unsupported(
            f"metric sources of the type {kind} are not supported",
            code="slo.source",
            hint="use type: Prometheus, with a query in PromQL",
            position=_position(source_node),
        )
    asked = reader.mapping(source.get("spec"), "spec")
    query = asked.get("query") or asked.get("promql")
    if query is None:
        reader.wrong(source_node, "a metricSource has a spec with a query")
        return ""
    return reader.promql(query, lambda text: counter_rate(windowed(text)) if counter else windowed(text))


def _alerts(files: _Files, spec: dict[str, yaml.Node]) -> tuple[BurnRate, ...] | None:
    reader = files.reader
    policies = reader.items(spec.get("alertPolicies"), "list of alert policies", lambda node: node)
    if not policies:
        return None
    found: list[BurnRate] = []
    for policy in policies:
        root = _referred(files, policy, "AlertPolicy", "alertPolicyRef")
        document = reader.mapping(root, "AlertPolicy")
        inner = reader.mapping(document.get("spec"), "spec")
        for condition in reader.items(inner.get("conditions"), "list of conditions", lambda node: node):
            rate = _burn_rate(reader, _referred(files, condition, "AlertCondition", "conditionRef"))
            if rate is not None:
                found.append(rate)
    return tuple(found)


def _referred(files: _Files, node: yaml.Node, kind: str, key: str) -> yaml.Node | None:
    """What stands here, or elsewhere under the name that stands here."""
    if isinstance(node, yaml.ScalarNode):
        return files.named(kind, node)
    found = files.reader.mapping(node, kind)
    return files.named(kind, found[key]) if key in found else node


def _burn_rate(reader: Reader, root: yaml.Node | None) -> BurnRate | None:
    if root is None:
        return None
    document = reader.mapping(root, "AlertCondition")
    spec = reader.mapping(document.get("spec"), "spec")
    condition = reader.mapping(spec.get("condition"), "condition")
    if reader.text(condition.get("kind")) != "burnrate":
        reader.wrong(condition.get("kind", root), "a condition is of the kind burnrate")
    look_back, after = reader.duration(condition.get("lookbackWindow")), reader.duration(condition.get("alertAfter"))
    if not look_back or look_back < _MINUTE or look_back % _MINUTE:
        reader.wrong(condition.get("lookbackWindow", root), "lookbackWindow is whole minutes, like 1h")
        return None
    operator = _OPERATORS.get(reader.text(condition.get("op")) or "gt")
    if operator is None:
        reader.wrong(condition["op"], f"op is one of {', '.join(_OPERATORS)}")
        return None
    severity = reader.text(spec.get("severity")) or "warning"
    return BurnRate(
        severity=_SEVERITIES.get(severity, severity),
        factor=reader.number(condition.get("threshold"), default=1),
        long=look_back // _MINUTE,
        for_minutes=(after or 0) // _MINUTE,
        operator=operator,
        name=reader.text(reader.mapping(document.get("metadata"), "metadata").get("name")),
    )


def _position(node: yaml.Node) -> tuple[int, int]:
    place = place_of(node)
    return place.line, place.column
