r"""String literals of the query languages, and strings as Go's ``%q`` shows them, for messages and printed queries.

A literal may hold bytes that are no UTF-8 (``"\xff"``). They live on as lone surrogates, as Python's
``surrogateescape`` has them: ``text.encode("utf-8", "surrogateescape")`` gives the bytes.
"""

from __future__ import annotations

import re
from typing import Final

_ESCAPES: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}
_UNESCAPES: Final = {escape[1:].encode(): character.encode() for character, escape in _ESCAPES.items()}
_ESCAPE: Final = re.compile(rb"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)


def quote(text: str) -> str:
    r"""A string in double quotes, as Go's ``strconv.Quote`` writes it.

    >>> print(quote('say "hi"\n'), quote("Zürich"), quote("\x7f\u200b\udcff"))
    "say \"hi\"\n" "Zürich" "\x7f\u200b\xff"
    """
    return '"' + "".join('\\"' if character == '"' else _shown(character) for character in text) + '"'


def quote_character(character: str) -> str:
    r"""A character in single quotes, as Go's ``%q`` writes a rune.

    >>> print(quote_character("é"), quote_character("'"), quote_character("\n"))
    'é' '\'' '\n'
    """
    return "'" + ("\\'" if character == "'" else _shown(character)) + "'"


def unquote(literal: bytes) -> str:
    r"""The value of a literal in double, single or back quotes, which a lexer has found well-formed.

    >>> unquote(rb'"a\x41\u00e9"'), unquote(rb"'it\'s'"), unquote(rb"`a\n`"), unquote(rb'"\xff"')
    ('aAé', "it's", 'a\\n', '\udcff')
    """
    body = literal[1:-1]
    if not literal.startswith(b"`") and b"\\" in body:
        body = _ESCAPE.sub(_unescaped, body)
    return body.decode("utf-8", "surrogateescape")


def replaced(text: str) -> str:
    r"""The text with U+FFFD for each byte that is no UTF-8, for those who can write nothing else.

    >>> replaced("a\udcff")
    'a\ufffd'
    """
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def is_utf8(text: str) -> bool:
    r"""Whether no byte of a literal is other than UTF-8.

    >>> is_utf8("Zürich"), is_utf8("\udcff")
    (True, False)
    """
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    body = escape[1]
    simple = _UNESCAPES.get(body)
    if simple is not None:
        return simple
    match body[:1]:
        case b"x":
            return bytes([int(body[1:], 16)])
        case b"u" | b"U":
            return chr(int(body[1:], 16)).encode()
        case b"'" | b'"':
            return body
        case _:
            return bytes([int(body, 8)])


def _shown(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
