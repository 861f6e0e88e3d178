"""What a body says of metric families in its comments, and what follows from it for the samples behind them."""

from __future__ import annotations

import re
from typing import Final

from sonde.receivers.prometheus.exposition.numbers import bound_text, parse_number
from sonde.receivers.prometheus.exposition.reading import Metadata, fault
from sonde.receivers.prometheus.exposition.series_text import unescape

_TEXT_TYPES: Final = {"counter", "gauge", "histogram", "summary", "untyped"}
_OPENMETRICS_TYPES: Final = {
    "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown",
}  # fmt: skip
_BOUND_LABELS: Final = {"histogram": "le", "gaugehistogram": "le", "summary": "quantile"}
_COUNTED: Final = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum")}
"""The types that say when their counts began, and how the names of these counts end."""

_TEXT_NOTE: Final = re.compile(
    rb"[ \t]*#[ \t]+(HELP|TYPE)[ \t]+(?:\"((?:[^\"\\]|\\.)*)\"|([a-zA-Z_:][a-zA-Z0-9_:]*))(?:[ \t]+(.*))?"
)
_OPENMETRICS_NOTE: Final = re.compile(
    rb"# (HELP|TYPE|UNIT) (?:\"((?:[^\"\\]|\\.)*)\"|([a-zA-Z_:][a-zA-Z0-9_:]*))(?: (.*))?"
)
_TEXT_WORD: Final = re.compile(rb"[ \t]*#[ \t]+(?:HELP|TYPE)[ \t]")


class Families:
    """The metadata of one body, and the family that its lines are at."""

    def __init__(self, *, openmetrics: bool) -> None:
        self.openmetrics = openmetrics
        self.metadata: dict[str, Metadata] = {}
        self._name = ""
        self._type = "unknown"

    def say(self, word: str, name: str, text: str) -> None:
        """Take one comment."""
        if name != self._name:
            self._name, self._type = name, self.metadata.get(name, Metadata()).type
        before = self.metadata.get(name, Metadata())
        self.metadata[name] = before._replace(**{word: text})
        if word == "type":
            self._type = text

    def normalise(self, name: str, labels: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The labels of a series at this place: bounds of buckets and quantiles as OpenMetrics writes them."""
        bound = _BOUND_LABELS.get(self._type)
        if bound is None or not name.startswith(self._name):
            return labels
        return [(key, normal_bound(value) if key == bound else value) for key, value in labels]

    def count_of(self, name: str, labels: list[tuple[str, str]]) -> tuple[int, bool]:
        """Which count a series of this place belongs to, 0 if to none, and whether it says when that began."""
        endings = _COUNTED.get(self._type, ()) if self.openmetrics and name.startswith(self._name) else ()
        ending = name[len(self._name) :]
        is_start = bool(endings) and ending == "_created"
        if not is_start and ending not in endings:
            return 0, False
        bound = _BOUND_LABELS.get(self._type)
        return hash((self._name, frozenset(label for label in labels if label[0] != bound))) or 1, is_start


def normal_bound(text: str) -> str:
    """A bound as OpenMetrics writes it; what is no number stays.

    >>> normal_bound("1"), normal_bound("+Inf"), normal_bound("0.50"), normal_bound("all")
    ('1.0', '+Inf', '0.5', 'all')
    """
    value = parse_number(text.encode())
    return text if value is None else bound_text(value)


def parse_note(line: bytes, number: int, families: Families) -> None:
    """Read a line that begins with ``#``: HELP, TYPE, UNIT, or a comment.

    Raises:
        UserError: OpenMetrics has no such line, or it says a type that does not exist.
    """
    strict = families.openmetrics
    found = (_OPENMETRICS_NOTE if strict else _TEXT_NOTE).fullmatch(line)
    if found is None:
        if strict and line != b"# EOF":
            raise fault(
                number, 1, f"expected HELP, TYPE, UNIT or EOF behind '# ', found {line[:40].decode(errors='replace')!r}"
            )
        if _TEXT_WORD.match(line):
            raise fault(number, 1, "expected the name of a metric behind HELP or TYPE")
        return
    try:
        name = unescape(found[2].decode()) if found[3] is None else found[3].decode()
        text = (found[4] or b"").decode()
    except UnicodeDecodeError:
        raise fault(number, 1, "the comment is not UTF-8") from None
    match found[1]:
        case b"HELP":
            families.say("help", name, unescape(text, quotes=strict))
        case b"TYPE":
            if text not in (_OPENMETRICS_TYPES if strict else _TEXT_TYPES):
                raise fault(number, found.start(4) + 1, f"{text!r} is not a type of metrics")
            families.say("type", name, "unknown" if text == "untyped" else text)
        case _:
            if text and not name.endswith(f"_{text}"):
                raise fault(number, found.start(4) + 1, f"the name {name!r} does not end with the unit {text!r}")
            families.say("unit", name, text)
