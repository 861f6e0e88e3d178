"""Label matchers, which PromQL, LogQL, alert routes and silences share.

A regular expression is RE2 and matches a whole value; a missing label has the value "".
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

import re2

from sonde.errors import UserError

Operator = Literal["=", "!=", "=~", "!~"]


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a label's value must be.

    >>> Matcher("job", "=~", "api|web").matches("web"), Matcher("job", "!=", "").matches("")
    (True, False)
    """

    name: str
    operator: Operator
    value: str

    def matches(self, value: str) -> bool:
        """Tell whether a value fits. Raises ``UserError`` for a regular expression that RE2 does not read."""
        match self.operator:
            case "=":
                return value == self.value
            case "!=":
                return value != self.value
            case "=~":
                return compiled(self.value).fullmatch(value) is not None
            case "!~":
                return compiled(self.value).fullmatch(value) is None

    @property
    def matches_empty(self) -> bool:
        """Whether a series without the label fits."""
        return self.matches("")


@functools.lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """An RE2 program. Raises ``UserError`` with RE2's words."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)  # or brackets that close too early would close ours
        return re2.compile(f"(?s:{pattern})", options)
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error
        raise UserError(f"invalid regular expression {pattern!r}: {said}", code="matcher.regexp") from None
    except UnicodeEncodeError:
        raise UserError(f"invalid regular expression {pattern!r}: it is not UTF-8", code="matcher.regexp") from None
