"""What is normal for a series at this hour of the week, as recording rules in plain PromQL.

``seasonal``: the median over the last weeks of the mean of the same hour, and how far the weeks lie apart (median
absolute deviation). Until there are enough weeks, ``ewma``: an exponentially weighted mean and deviation, of which each
evaluation continues the last. The score says how many deviations the value is away from what is normal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import yaml

INTERVAL_SECONDS: Final = 60
"""How often the rules are evaluated; the weights of ``ewma`` are made for it."""

_MAD_TO_DEVIATION: Final = 1.4826
_HALF_HOUR: Final = 1800
_WEEK: Final = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A series that is watched, and how."""

    name: str
    alert: str
    expr: str
    """What is watched, in PromQL; each of its series is watched by itself."""
    title: str
    weeks: int = 4
    least_weeks: int = 3
    bands: float = 4.0
    """So many deviations away begins what is not normal."""
    least_relative: float = 0.1
    """Deviations are not taken for less than this share of what is normal."""
    least_absolute: float = 0.0
    """Nor for less than this."""
    time_constant_seconds: float = 7200.0
    """How far ``ewma`` looks back."""
    severity: str = "warning"
    alerts_below: bool = False
    """Whether too little is as bad as too much."""


SHIPPED: Final = (
    Anomaly(
        "llm_cost",
        "LLMCostAnomaly",
        "sum by (job) (rate(llm_cost_usd_total[10m])) * 3600",
        "LLM cost ($ an hour)",
        least_absolute=0.1,
    ),
    Anomaly(
        "error_rate",
        "ErrorRateAnomaly",
        "sum by (job) (rate(api_errors_total[5m])) / (sum by (job) (rate(api_requests_total[5m])) > 0)",
        "error rate",
        least_absolute=0.01,
    ),
    Anomaly(
        "latency",
        "LatencyAnomaly",
        "histogram_quantile(0.95, sum by (job, le) (rate(api_request_duration_seconds_bucket[5m]))) >= 0",
        "latency (p95, seconds)",
        least_absolute=0.05,
    ),
    Anomaly(
        "traffic",
        "TrafficAnomaly",
        "sum by (job) (rate(api_requests_total[5m]))",
        "traffic (requests a second)",
        least_absolute=0.05,
        alerts_below=True,
    ),
)


def render(anomalies: Iterable[Anomaly]) -> str:
    """A rule file with a group for each of the anomalies."""
    groups = [
        {"name": f"anomaly-{each.name}", "interval": f"{INTERVAL_SECONDS}s", "rules": rules(each)} for each in anomalies
    ]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, width=10_000, allow_unicode=True)


def rules(anomaly: Anomaly) -> list[dict[str, Any]]:
    """The rules of a group, in the order in which they need each other.

    >>> [rule["record"].removeprefix("anomaly:") for rule in rules(SHIPPED[0]) if "record" in rule]
    ... # doctest: +NORMALIZE_WHITESPACE
    ['value', 'seasonal_median', 'seasonal_spread', 'ewma', 'ewma_spread', 'baseline', 'spread', 'upper', 'lower',
     'score', 'learned', 'ewma_weight', 'ewma_sum', 'ewma_squares']
    """
    labels = {"anomaly": anomaly.name}
    recordings = (("value", anomaly.expr), *_seasonal(anomaly), *_ewma(anomaly), *_score(anomaly), *_next_ewma(anomaly))
    return [
        *({"record": f"anomaly:{name}", "expr": expr, "labels": dict(labels)} for name, expr in recordings),
        _alert(anomaly),
    ]


def _seasonal(anomaly: Anomaly) -> tuple[tuple[str, str], ...]:
    value = _of(anomaly, "value")
    weeks = " or ".join(
        f'label_replace(avg_over_time({value}[1h] offset {week * _WEEK - _HALF_HOUR}s), "week", "{week}", "", "")'
        for week in range(1, anomaly.weeks + 1)
    )
    enough = f"count without (week) ({weeks}) >= {anomaly.least_weeks}"
    median = f"quantile without (week) (0.5, {weeks}) and ({enough})"
    apart = f"abs(({weeks}) - ignoring (week) group_left () {_of(anomaly, 'seasonal_median')})"
    # within the hour values scatter too, which the means of the weeks do not show
    scatter = " or ".join(
        f'label_replace(stddev_over_time({value}[1h] offset {week * _WEEK - _HALF_HOUR}s), "week", "{week}", "", "")'
        for week in range(1, anomaly.weeks + 1)
    )
    between = f"{_MAD_TO_DEVIATION} * quantile without (week) (0.5, {apart})"
    within = f"quantile without (week) (0.5, {scatter}) and {_of(anomaly, 'seasonal_median')}"
    return (("seasonal_median", median), ("seasonal_spread", _larger(between, within)))


def _ewma(anomaly: Anomaly) -> tuple[tuple[str, str], ...]:
    weight, total, squares = (_of(anomaly, name) for name in ("ewma_weight", "ewma_sum", "ewma_squares"))
    # below half of its weight the mean has seen too little
    mean = f"{total} / ({weight} >= 0.5)"
    variance = f"{squares} / {weight} - ({total} / {weight}) ^ 2"
    return ("ewma", mean), ("ewma_spread", f"sqrt(clamp_min({variance}, 0)) and {_of(anomaly, 'ewma')}")


def _next_ewma(anomaly: Anomaly) -> tuple[tuple[str, str], ...]:
    """Sums that forget: the weight too, so that their quotient is right from the first sample on."""
    gain = 1 - math.exp(-INTERVAL_SECONDS / anomaly.time_constant_seconds)
    learned, value, upper, lower = (_of(anomaly, name) for name in ("learned", "value", "upper", "lower"))
    new = (("ewma_weight", f"0 * {learned} + 1"), ("ewma_sum", learned), ("ewma_squares", f"{learned} ^ 2"))
    # what is not normal is learnt as the end of the band, so that an incident does not become normal while it lasts
    within = f"({value} <= {upper}) or {upper} and {value} or {value}"
    faded = f"{_of(anomaly, 'ewma_weight')} > 0.05"
    continued = (
        (
            name,
            (
                f"{gain:.9f} * ({term}) + {1 - gain:.9f} * {_of(anomaly, name)} or {gain:.9f} * ({term})"
                # where there is no value now, what was fades, until it is forgotten
                f" or {1 - gain:.9f} * {_of(anomaly, name)} and {faded}"
            ),
        )
        for name, term in new
    )
    return (("learned", _larger(within, f"{lower} and {value}")), *continued)


def _score(anomaly: Anomaly) -> tuple[tuple[str, str], ...]:
    value, baseline, spread = (_of(anomaly, name) for name in ("value", "baseline", "spread"))
    measured = f"{_of(anomaly, 'seasonal_spread')} or {_of(anomaly, 'ewma_spread')}"
    floor = f"clamp_min({anomaly.least_relative:.12g} * abs({baseline}), {max(anomaly.least_absolute, 1e-9):.12g})"
    return (
        ("baseline", f"{_of(anomaly, 'seasonal_median')} or {_of(anomaly, 'ewma')}"),
        ("spread", _larger(f"({measured})", floor)),
        ("upper", f"{baseline} + {anomaly.bands:.12g} * {spread}"),
        ("lower", f"{baseline} - {anomaly.bands:.12g} * {spread}"),
        ("score", f"({value} - {baseline}) / {spread}"),
    )


def _alert(anomaly: Anomaly) -> dict[str, Any]:
    score = _of(anomaly, "score")
    beyond = f"abs({score}) > {anomaly.bands:.12g}" if anomaly.alerts_below else f"{score} > {anomaly.bands:.12g}"
    return {
        "alert": anomaly.alert,
        "expr": f"{_of(anomaly, 'value')} and ({beyond})",
        "for": "5m",
        "labels": {"severity": anomaly.severity, "anomaly": anomaly.name},
        "annotations": {
            "summary": f"{anomaly.title} of {{{{ $labels.job }}}} is not normal: {{{{ $value | humanize }}}}",
            "description": f"It has been more than {anomaly.bands:.12g} deviations from its baseline for 5 minutes.",
            "runbook_url": f"{{{{ externalURL }}}}/runbooks/{anomaly.alert}",
        },
    }


def _larger(one: str, other: str) -> str:
    """The larger of two vectors with the same labels."""
    return f"(({one}) >= ({other})) or ({other}) or ({one})"


def _of(anomaly: Anomaly, name: str) -> str:
    return f'anomaly:{name}{{anomaly="{anomaly.name}"}}'
