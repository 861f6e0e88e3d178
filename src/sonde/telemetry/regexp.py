"""Checks a regular expression, and says what is wrong with it in the words of Go's parser."""

from __future__ import annotations

from typing import Final

import re2

_GO_WORDS: Final = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
}


def fault_of(pattern: str) -> str:
    """What is wrong with a pattern, or "".

    >>> fault_of("a|b"), fault_of("[a")
    ('', 'error parsing regexp: missing closing ]: `[a`')
    """
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern.encode("utf-8", "surrogateescape"), options)
    except re2.error as error:
        words, _, where = error.args[0].decode("utf-8", "replace").partition(": ")
        if words == "invalid UTF-8":
            where = pattern.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return f"error parsing regexp: {_GO_WORDS.get(words, words)}: `{where}`"
    return ""
