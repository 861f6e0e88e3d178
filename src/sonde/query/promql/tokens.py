"""The tokens of PromQL, and which words are keywords where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sonde.query.promql.ast import Span
from sonde.telemetry.quoting import quote

AGGREGATIONS: Final = frozenset(
    ("sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk", "bottomk", "count_values", "quantile")
) | {"limitk", "limit_ratio"}
SET_OPERATORS: Final = frozenset({"and", "or", "unless"})
OPERATORS: Final = SET_OPERATORS | {
    *("+", "-", "*", "/", "%", "^", "atan2", "==", "!=", "<=", "<", ">=", ">", "</", ">/", "=~", "!~", "@")
}
MATCHING_KEYWORDS: Final = frozenset({"on", "ignoring", "group_left", "group_right", "bool"})
FILLS: Final = frozenset({"fill", "fill_left", "fill_right"})
KEYWORDS: Final = MATCHING_KEYWORDS | FILLS | {"offset", "smoothed", "anchored", "by", "without"}
DURATION_CALLS: Final = frozenset({"step", "range", "min_of", "max_of"})
CALLABLE_KEYWORDS: Final = DURATION_CALLS | {"start", "end"}
WORDS: Final = AGGREGATIONS | SET_OPERATORS | KEYWORDS | CALLABLE_KEYWORDS | {"atan2"}
"""All words that are more than a name."""
METRIC_NAMES: Final = (WORDS | {"identifier", "metric identifier"}) - MATCHING_KEYWORDS - {"atan2"}
"""The kinds of tokens that can be a metric's name."""
LABEL_NAMES: Final = (WORDS | {"identifier", "metric identifier"}) - {"without"}
"""The kinds of tokens that can be a label's name in ``by (…)`` and ``on (…)``."""

_NAMED_KINDS: Final = frozenset({"identifier", "metric identifier", "number", "duration", "string"})


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the query.

    ``kind`` is "identifier", "metric identifier" (with a colon), "number", "duration", "string", "end of input", or
    the token itself in lower case: an operator, a bracket, a keyword.
    """

    kind: str
    text: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.start, self.end

    @property
    def described(self) -> str:
        """The token in an error message."""
        if self.kind == "end of input":
            return self.kind
        if self.kind in _NAMED_KINDS:
            return f"{self.kind} {self._shown}"
        return self._shown

    @property
    def _shown(self) -> str:
        text = self.text.encode("latin-1").decode("utf-8", "replace")
        if self.kind in {"identifier", "metric identifier"}:
            return quote(text)
        if self.kind in KEYWORDS:
            return f"<{text}>"
        if self.kind in OPERATORS:
            return f"<op:{text}>"
        if self.kind in AGGREGATIONS:
            return f"<aggr:{text}>"
        return f"{quote(text[:10])}..." if len(self.text) > 10 else quote(text)
