"""Our own short form of objectives: a list under ``slos``. See ``docs/slos.md``."""

from __future__ import annotations

from typing import Final, cast

import yaml

from sonde.rules.slo.document import Reader
from sonde.rules.slo.indicator import of_bad, of_good, of_latency, of_ratio, windowed
from sonde.rules.slo.objective import CALENDAR_DAYS, BudgetPolicy, Calendar, Indicator, Objective, Period
from sonde.rules.yaml_node import place_of

_FILE: Final = dict.fromkeys(("slos",))
_SLO: Final = {
    **dict.fromkeys(("name", "service", "description", "objective", "window", "calendar", "labels", "annotations")),
    **dict.fromkeys(("good", "bad", "total", "error_ratio", "latency")),
    **dict.fromkeys(("minimum_events", "alerts_without_data", "budget_policy")),
}
_LATENCY: Final = dict.fromkeys(("histogram", "selector", "threshold"))
_POLICY: Final = dict.fromkeys(("below", "action", "severity"))
_PERCENT: Final = 100
_INDICATORS: Final = frozenset(
    {frozenset({"good", "total"}), frozenset({"bad", "total"}), frozenset({"error_ratio"}), frozenset({"latency"})}
)


def read_short_form(reader: Reader, root: yaml.Node) -> tuple[Objective, ...]:
    """The objectives of a document; what is wrong with them is left with the reader."""
    found = reader.mapping(root, "file of objectives", _FILE)
    objectives = reader.items(found.get("slos"), "list of objectives", lambda node: _objective(reader, node))
    return tuple(objective for objective in objectives if objective is not None)


def _objective(reader: Reader, node: yaml.Node) -> Objective | None:
    before = len(reader.problems)
    found = reader.mapping(node, "objective", _SLO)
    name, service = reader.required(found, "name", node), reader.required(found, "service", node)
    target = percentage(reader, found.get("objective"), node)
    period = _period(reader, found, node)
    indicator = _indicator(reader, found, node)
    objective = Objective(
        name=name,
        service=service,
        target=target,
        period=period,
        indicator=indicator,
        description=reader.text(found.get("description")),
        labels=reader.texts(found.get("labels")),
        annotations=reader.texts(found.get("annotations")),
        minimum_events=reader.integer(found.get("minimum_events")),
        alerts_without_data=reader.boolean(found.get("alerts_without_data")),
        policies=reader.items(found.get("budget_policy"), "list of policies", lambda item: _policy(reader, item)),
    )
    return objective if len(reader.problems) == before else None


def percentage(reader: Reader, node: yaml.Node | None, owner: yaml.Node) -> float:
    """A share of a text like ``99.9%`` or ``99.9``."""
    text = reader.text(node).removesuffix("%").strip()
    if not text:
        reader.wrong(node or owner, "objective is missing")
        return 0.5
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 1 < value < _PERCENT:
        reader.wrong(node, f"{text} is not an objective; write a percentage between 1 and 100, like 99.9")
        return 0.5
    return round(value / _PERCENT, 12)


def _period(reader: Reader, found: dict[str, yaml.Node], node: yaml.Node) -> Period:
    calendar = reader.text(found.get("calendar"))
    if calendar and "window" in found:
        reader.wrong(found["calendar"], "there is a window already; an objective has one of window and calendar")
    if calendar:
        if calendar in CALENDAR_DAYS:
            known = cast("Calendar", calendar)
            return Period(CALENDAR_DAYS[known], known)
        reader.wrong(found["calendar"], f"{calendar} is none of {', '.join(CALENDAR_DAYS)}")
    elif "window" not in found:
        reader.wrong(node, "window is missing; write window: 30d, or calendar: month")
    return Period(reader.days(found.get("window")) or 30)


def _indicator(reader: Reader, found: dict[str, yaml.Node], node: yaml.Node) -> Indicator:
    given = frozenset({"good", "bad", "total", "error_ratio", "latency"} & found.keys())
    if given not in _INDICATORS:
        what = " and ".join(sorted(given)) or "nothing"
        reader.wrong(node, f"an objective has good and total, bad and total, error_ratio, or latency; here is {what}")
        return Indicator("", "")
    if "latency" in given:
        return _latency(reader, found["latency"])
    queries = {key: reader.promql(found[key], windowed) for key in given}
    if "error_ratio" in queries:
        return of_ratio(queries["error_ratio"])
    of = of_good if "good" in queries else of_bad
    return of(queries.get("good") or queries.get("bad") or "", queries["total"])


def _latency(reader: Reader, node: yaml.Node) -> Indicator:
    found = reader.mapping(node, "latency", _LATENCY)
    nano = reader.duration(found.get("threshold"))
    histogram = reader.required(found, "histogram", node)
    if nano is None:
        reader.wrong(found.get("threshold", node), "threshold is missing; write it like 500ms")
        return Indicator("", "")
    indicator = of_latency(histogram, reader.text(found.get("selector")), nano / 10**9)
    reader.promql(yaml.ScalarNode("tag:yaml.org,2002:str", indicator.errors, node.start_mark), str)
    return indicator


def _policy(reader: Reader, node: yaml.Node) -> BudgetPolicy:
    found = reader.mapping(node, "policy", _POLICY)
    below = reader.text(found.get("below"))
    if not below.endswith("%"):
        reader.problems.append(place_of(found.get("below", node)).problem("below is a share like 25%"))
    share = float(below[:-1]) / _PERCENT if below.endswith("%") and below[:-1].replace(".", "", 1).isdigit() else 0.0
    return BudgetPolicy(share, reader.required(found, "action", node), reader.text(found.get("severity")) or "warning")
