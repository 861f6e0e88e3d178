"""Cuts texts to what services take; a cut is marked with … ."""

from __future__ import annotations

import re
from typing import Final

MARK: Final = "…"
_MARK_BYTES: Final = len(MARK.encode())
_HTML: Final = re.compile(r"<(/?)([a-zA-Z][\w-]*)[^>]*>|&[#\w]+;|.", re.DOTALL)


def to_characters(text: str, limit: int) -> str:
    """At most so many characters.

    >>> to_characters("Zürich", 4), to_characters("Zürich", 6)
    ('Zür…', 'Zürich')
    """
    if len(text) <= limit:
        return text
    return text[:limit] if limit <= 3 else text[: limit - 1] + MARK


def to_bytes(text: str, limit: int) -> str:
    """At most so many bytes of UTF-8; no character is cut in two.

    >>> to_bytes("ZüriZüri", 6), to_bytes("Züri", 5), to_bytes("Züri", 2)
    ('Zü…', 'Züri', '..')
    """
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return text
    if limit < _MARK_BYTES:
        return "." * max(limit, 0)
    return encoded[: limit - _MARK_BYTES].decode("utf-8", "ignore") + MARK


def html_to_characters(text: str, limit: int) -> str:
    """At most so many characters of HTML; tags and entities stay whole, and what is open is closed.

    >>> html_to_characters("<b>one &amp; <i>two</i></b>", 20)
    '<b>one &amp; …</b>'
    """
    if len(text) <= limit:
        return text
    kept: list[str] = []
    length = 0
    open_tags: list[str] = []
    best: tuple[int, tuple[str, ...]] = (0, ())
    for found in _HTML.finditer(text):
        length += len(found[0])
        closing, tag = found[1], found[2]
        if closing and tag in open_tags:
            while open_tags.pop() != tag:
                pass
        elif tag and not closing:
            open_tags.append(tag)
        if length + len(MARK) + sum(len(name) + 3 for name in open_tags) > limit:
            # A closing tag may yet make room; what opens beyond the limit never does.
            if length > limit:
                break
            kept.append(found[0])
            continue
        kept.append(found[0])
        best = (len(kept), tuple(open_tags))
    count, still_open = best
    return "".join(kept[:count]) + MARK + "".join(f"</{name}>" for name in reversed(still_open))
