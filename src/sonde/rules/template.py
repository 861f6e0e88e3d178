"""Templates of a rule's labels and annotations, filled in for the series of its answer.

``template_functions`` knows what they may say; what they ask with ``query`` is asked in PromQL.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.text import to_text
from sonde.rules.expression import Language
from sonde.rules.template_functions import AlertData, Sample, check, expand_or_explain
from sonde.telemetry.labels import Labels
from sonde.telemetry.template import StringMap, Struct, TemplateError

_SECOND: Final = 10**9

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShownHistogram(Struct):
    """A native histogram, as a template shows it."""

    GO_TYPE: ClassVar[str] = "*histogram.FloatHistogram"
    METHODS: ClassVar[Mapping[str, str]] = {"String": "text"}

    histogram: Histogram

    def text(self) -> str:
        """It, as Prometheus prints it."""
        return to_text(self.histogram)


@dataclass(frozen=True, slots=True)
class Templates:
    """Fills templates in; ``language`` answers what they ask."""

    language: Language
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""

    async def __call__(self, texts: Labels, alert: str, labels: Labels, value: float | Histogram, at: int) -> Labels:
        """See ``alerting.Expand``. What cannot be filled in says why, in place of the text."""
        if not any("{{" in text for _, text in texts):
            return texts
        data = AlertData(StringMap(labels), shown(value), StringMap(self.external_labels), self.external_url)
        filled: list[tuple[str, str]] = []
        for name, text in texts:
            told, error = await expand_or_explain(text, data, alert=alert, at=at / _SECOND, query=self._query)
            if error is not None:
                logger.warning("%s of the alert %s cannot be filled in: %s", name, alert, error.message)
            filled.append((name, told))
        return tuple(filled)

    async def _query(self, text: str, at: float) -> Sequence[Sample]:
        answer = await self.language.parse(text).evaluate(round(at * 1000))
        histograms = answer.histograms or [None] * len(answer.labels)
        return [
            Sample.of(labels, shown(value if histogram is None else histogram))
            for labels, value, histogram in zip(answer.labels, answer.values.tolist(), histograms, strict=True)
        ]


def shown(value: float | Histogram) -> object:
    """A value as a template sees it."""
    return ShownHistogram(value) if isinstance(value, Histogram) else value


def template_fault(text: str, alert: str) -> str:
    """What is wrong with a template, as far as can be told without data; nothing if it is good.

    >>> template_fault("{{ $labels.job }} is down", "Down"), template_fault("{{ $lables.job }}", "Down")
    ('', 'template: __alert_Down:1: undefined variable "$lables"')
    """
    try:
        check(text, alert=alert)
    except TemplateError as error:
        return error.message
    return ""
