"""Who contributes most? The sum that an alert compares, taken apart by the labels that the sum leaves out.

``sum by (job) (rate(errors[5m])) / … > 0.05`` is asked for ``rate(errors[5m])``, now and an hour before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sonde.notify.context.graph_plan import constant, graph_plan
from sonde.notify.context.incident import HOUR_MILLI, Change, Incident, shown
from sonde.notify.context.narrow import IDENTITY, narrowed
from sonde.notify.context.ranges import Ranges
from sonde.query.promql.ast import Aggregate, Binary, Call, Expr, Unary
from sonde.query.promql.peel import peeled
from sonde.query.promql.series import Booleans, Floats, Vector
from sonde.telemetry.labels import METRIC_NAME, Labels

MIN_SHARE: Final = 0.4
_MAX_LINES: Final = 2
_MAX_VALUES: Final = 1_000
"""A label with more values than that is an id, and says nothing."""
_RANK: Final = 20.0
_DROPS: Final = frozenset({METRIC_NAME, "le", "quantile"})
_MAX_DEPTH: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """What is summed, and by which labels."""

    expr: Expr
    grouping: tuple[str, ...]
    without: bool = False
    is_count: bool = False


def summed(expr: Expr, depth: int = 0) -> Part | None:
    """The sum that makes an expression large: of a quotient, that of the numerator.

    >>> from sonde.query.promql.parser import parse
    >>> from sonde.query.promql.printer import to_text
    >>> part = summed(parse("100 * sum by (job) (rate(errors[5m])) / sum by (job) (rate(requests[5m]))"))
    >>> to_text(part.expr), part.grouping
    ('rate(errors[5m])', ('job',))
    """
    expr = peeled(expr)
    if depth > _MAX_DEPTH:
        return None
    match expr:
        case Aggregate("sum" | "count" as operator, inner, None, grouping, is_without):
            return Part(peeled(inner), grouping, is_without, operator == "count")
        case Aggregate("max" | "topk", inner):
            return summed(inner, depth + 1)
        case Binary("/", left):
            return summed(left, depth + 1)
        case Binary("*", left, right):
            return summed(right if constant(left) is not None else left, depth + 1)
        case Binary("-", left, right):
            # 1 - good / all grows with what is not good, which nobody has summed
            return None if constant(left) is not None else summed(left, depth + 1)
        case Binary("+" | "or", left, right):
            return summed(left, depth + 1) or summed(right, depth + 1)
        case Unary("+", operand):
            return summed(operand, depth + 1)
        case Call("round" | "clamp_min" | "clamp_max" | "ceil" | "floor", arguments):
            return summed(arguments[0], depth + 1)
        case _:
            return None


def alternatives(expr: Expr) -> list[Expr]:
    """``a or b`` as a and b: the alert may come from either.

    >>> from sonde.query.promql.parser import parse
    >>> len(alternatives(parse("(a or b) or c")))
    3
    """
    found, waiting = [], [expr]
    while waiting:
        each = peeled(waiting.pop())
        if isinstance(each, Binary) and each.operator == "or":
            waiting += [each.right, each.left]
        else:
            found.append(each)
    return found


async def contributions(incident: Incident, ranges: Ranges) -> list[Change]:
    """Which label values make up most of the alert's sum, and what they did an hour before."""
    if incident.expr is None:
        return []
    for side in alternatives(graph_plan(incident.expr).expr)[:3]:
        part = summed(side)
        if part is None:
            continue
        own = _own_labels(part, incident.alerts[0].labels)
        expr = narrowed(part.expr, {name: own[name] for name in own if not part.without or name in IDENTITY})
        before = incident.began - HOUR_MILLI
        # two times: then and now
        step = incident.at - before
        vector = await ranges.evaluate(incident.tenant, expr, start=before, end=incident.at, step=step)
        shares = shares_of(vector, part, own)
        if shares:
            return [Change(_RANK + place, _text(share)) for place, share in enumerate(shares[:_MAX_LINES])]
    return []


def _own_labels(part: Part, alert: Labels) -> dict[str, str]:
    """What the alert says of the labels by which is summed."""
    if part.without:
        return {name: value for name, value in alert if name not in part.grouping}
    return {name: value for name, value in alert if name in part.grouping}


@dataclass(frozen=True, slots=True)
class Share:
    """What the series with one label value are of the sum: from 0 to 1."""

    name: str
    value: str
    now: float
    before: float | None
    """None if there was nothing an hour before."""
    values: int
    """How many values the label has."""

    @property
    def growth(self) -> float:
        """How much of its share is new."""
        return self.now - (self.before or 0.0)


def shares_of(vector: Vector, part: Part, own: Mapping[str, str]) -> list[Share]:
    """The largest value of each label, the most telling first; labels that say the same as an earlier one left out.

    A label with one value says nothing, and so does one whose largest value is far from most of it.
    """
    rows = [row for row, labels in enumerate(vector.labels) if _fits(dict(labels), part, own)]
    if not rows or vector.values.shape[1] < 2:
        return []
    present: Booleans = vector.present[rows] & np.isfinite(vector.values[rows])
    weights: Floats = np.where(present, 1.0 if part.is_count else np.maximum(vector.values[rows], 0.0), 0.0)
    before, now = weights[:, 0], weights[:, -1]
    if not now.sum() > 0:
        return []
    labels = [dict(vector.labels[row]) for row in rows]
    fixed = _DROPS | (set() if part.without else set(part.grouping)) | set(own)
    found: dict[tuple[int, ...], Share] = {}
    for name in sorted({name for each in labels for name in each} - fixed):
        share, members = _largest(name, labels, now, before)
        if share.values < 2 or share.values > _MAX_VALUES or share.now < MIN_SHARE:
            continue
        known = found.get(members)
        if known is None or share.values > known.values:
            found[members] = share
    return sorted(found.values(), key=lambda share: (-(share.growth + share.now / 2), -share.values, share.name))


def _fits(labels: Mapping[str, str], part: Part, own: Mapping[str, str]) -> bool:
    """Whether a series belongs to the alert's sum. Labels of the rule are on no series."""
    if part.without:
        return all(labels[name] == value for name, value in own.items() if name in labels)
    return all(labels.get(name, "") == value for name, value in own.items())


def _largest(name: str, labels: list[dict[str, str]], now: Floats, before: Floats) -> tuple[Share, tuple[int, ...]]:
    sums: dict[str, float] = {}
    for each, weight in zip(labels, now.tolist(), strict=True):
        value = each.get(name, "")
        sums[value] = sums.get(value, 0.0) + weight
    top = max(sums, key=lambda value: (sums[value], value))
    members = tuple(row for row, each in enumerate(labels) if each.get(name, "") == top and now[row] > 0)
    earlier = sum(weight for each, weight in zip(labels, before.tolist(), strict=True) if each.get(name, "") == top)
    all_before = float(before.sum())
    share = Share(name, top, sums[top] / float(now.sum()), earlier / all_before if all_before > 0 else None, len(sums))
    return share, members


def _text(share: Share) -> str:
    """In words.

    >>> _text(Share("endpoint", "/checkout", 0.82, 0.12, 5))
    '82 % of it is endpoint=/checkout (12 % an hour before it began)'
    """
    then = "there was nothing" if share.before is None else f"{100 * share.before:.0f} %"
    value = shown(share.value) if share.value else '""'
    return f"{100 * share.now:.0f} % of it is {share.name}={value} ({then} an hour before it began)"
