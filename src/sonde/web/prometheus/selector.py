"""Series selectors as parameters: ``match[]``."""

from __future__ import annotations

from collections.abc import Sequence

from sonde.errors import UserError
from sonde.query.promql.parser import parse_selector
from sonde.telemetry.matcher import Matcher


def parse_selectors(texts: Sequence[str]) -> list[tuple[Matcher, ...]]:
    """The matchers of each of several selectors, none of which may select everything.

    >>> [[matcher.value for matcher in matchers] for matchers in parse_selectors(["up", '{job="api"}'])]
    [['up'], ['api']]
    >>> parse_selectors(['{job=~".*"}'])
    Traceback (most recent call last):
    sonde.errors.UserError: match[] must contain at least one non-empty matcher [bad_data]
    """
    selected = [parse_selector(text) for text in texts]
    if any(all(matcher.matches_empty for matcher in matchers) for matchers in selected):
        raise UserError("match[] must contain at least one non-empty matcher", code="bad_data")
    return selected
