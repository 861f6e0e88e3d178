"""Where in an HTML document a place of a template is: in text, in a tag, in an attribute that holds a URL …

``after_text`` reads a piece of a document and says where it ends. It is conservative: what browsers may read in
different ways is an error.

Rules: https://pkg.go.dev/html/template
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from typing import Final, Literal

State = Literal[
    "text",
    "tag",
    "attribute name",
    "after name",
    "before value",
    "comment",
    "rcdata",
    "attribute",
    "url",
    "srcset",
    "meta content",
    "style",
    "script",
    "script string",
    "script unknown",
    "dead",
]
Delimiter = Literal["", '"', "'", " "]
"""What ends an attribute's value: a quote, or space for one without quotes; "" outside of values."""
UrlPart = Literal["", "path", "query", "unknown"]
Attribute = Literal["", "url", "srcset", "style", "script", "meta content", "markup"]

_SPACE: Final = " \t\n\f\r"
_TAG: Final = re.compile(r"<(!--|/?)([a-zA-Z][a-zA-Z0-9]*(?:[:-][a-zA-Z0-9]+)*)?")
_ATTRIBUTE_NAME: Final = re.compile(r"[^ \t\n\f\r=>]*")
_CONTENT: Final[dict[str, State]] = {"script": "script", "style": "style", "textarea": "rcdata", "title": "rcdata"}
_VALUES: Final[dict[Attribute, State]] = {
    "": "attribute",
    "url": "url",
    "srcset": "srcset",
    "style": "style",
    "script": "script",
    "meta content": "meta content",
    "markup": "attribute",
}
_URLS: Final = frozenset(
    (
        "action",
        "archive",
        "background",
        "cite",
        "classid",
        "codebase",
        "data",
        "formaction",
        "href",
        "icon",
        "longdesc",
        "manifest",
        "poster",
        "profile",
        "src",
        "usemap",
        "xmlns",
    )
)
_SCRIPT_TOKEN: Final = re.compile(r"//[^\n\r\u2028\u2029]*|/\*.*?\*/|<!--[^\n]*|-->[^\n]*|[\"'`/]", re.DOTALL)
_STRING_END: Final = {'"': re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL), "'": re.compile(r"(?:[^'\\]|\\.)*'", re.DOTALL)}


class BadHTML(ValueError):
    """Markup that browsers may read in different ways."""


@dataclass(frozen=True, slots=True)
class Context:
    """A place in a document."""

    state: State = "text"
    delimiter: Delimiter = ""
    url_part: UrlPart = ""
    attribute: Attribute = ""
    element: str = ""
    quote: str = ""
    """The quote of the script's string."""

    def __str__(self) -> str:
        parts = (self.state, self.delimiter, self.url_part, self.attribute, self.element)
        return "{" + ", ".join(part for part in parts if part) + "}"

    def nudged(self) -> Context:
        """The context of an action here, which in ``<a href={{`` is already the value."""
        match self.state:
            case "tag" | "after name":
                return replace(self, state="attribute name", attribute="")
            case "before value":
                return replace(self, state=_VALUES[self.attribute], delimiter=" ", attribute="")
            case _:
                return self


def after_text(context: Context, text: str) -> tuple[Context, str]:
    """Where a piece of text ends, and the text without comments and with every lone ``<`` escaped.

    >>> after_text(Context(), '1 < 2 <!-- x --><a href="/find?q=')
    (Context(state='url', delimiter='"', url_part='query', attribute='url', element='', quote=''), \
'1 &lt; 2 <a href="/find?q=')

    Raises:
        BadHTML: It cannot be told for sure.
    """
    parts: list[str] = []
    while text:
        context, read, shown = _step(context, text)
        parts.append(shown)
        text = text[read:]
    return context, "".join(parts)


def _step(context: Context, text: str) -> tuple[Context, int, str]:
    """Read a token: the next context, how much was read, and what is kept of it."""
    if context.delimiter:
        return _value(context, text)
    match context.state:
        case "text":
            return _text(text)
        case "comment":
            end = text.find("-->")
            return (Context(), end + 3, "") if end >= 0 else (context, len(text), "")
        case "tag":
            return _tag(context, text)
        case "attribute name":
            end = _name_end(text, 0)
            return (replace(context, state="after name") if end < len(text) else context), end, text[:end]
        case "after name":
            return _after_name(context, text)
        case "before value":
            return _before_value(context, text)
        case _:
            return _special(context, text)


def _text(text: str) -> tuple[Context, int, str]:
    place, kept = 0, ""
    while True:
        start = text.find("<", place)
        if start < 0 or start + 1 == len(text):
            return Context(), len(text), kept + text[place:].replace("<", "&lt;")
        kept += text[place:start]
        found = _TAG.match(text, start)
        if found is not None and found[1] == "!--":
            return Context("comment"), start + 4, kept
        if found is not None and found[2]:
            name = found[2].lower()
            element = name if not found[1] and (name in _CONTENT or name == "meta") else ""
            return Context("tag", element=element), found.end(), kept + text[start : found.end()]
        is_doctype = text[start : start + 9].upper() == "<!DOCTYPE"
        kept += "<" if is_doctype else "&lt;"
        place = start + 1


def _tag(context: Context, text: str) -> tuple[Context, int, str]:
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        return context, start, text
    if text[start] == ">":
        state = _CONTENT.get(context.element, "text")
        element = context.element if context.element in _CONTENT else ""
        return Context(state, element=element), start + 1, text[: start + 1]
    end = _name_end(text, start)
    if end == start:
        raise BadHTML(f"expected space, attr name, or end of tag, but got {_short(text[start:])}")
    after: State = "attribute name" if end == len(text) else "after name"
    attribute = _attribute(text[start:end].lower(), context.element)
    return Context(after, attribute=attribute, element=context.element), end, text[:end]


def _name_end(text: str, start: int) -> int:
    found = _ATTRIBUTE_NAME.match(text, start)
    end = found.end() if found else start
    for character in text[start:end]:
        if character in "'\"<":
            raise BadHTML(f"{_short(character)} in attribute name: {_short(text)}")
    return end


def _after_name(context: Context, text: str) -> tuple[Context, int, str]:
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        return context, start, text
    if text[start] != "=":
        return replace(context, state="tag"), start, text[:start]
    return replace(context, state="before value"), start + 1, text[: start + 1]


def _before_value(context: Context, text: str) -> tuple[Context, int, str]:
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        return context, start, text
    delimiter: Delimiter = " "
    if text[start] == '"':
        delimiter = '"'
    elif text[start] == "'":
        delimiter = "'"
    end = start + (delimiter != " ")
    return replace(context, state=_VALUES[context.attribute], delimiter=delimiter), end, text[:end]


def _value(context: Context, text: str) -> tuple[Context, int, str]:
    """The value of an attribute, up to its quote."""
    ends = " \t\n\f\r>" if context.delimiter == " " else context.delimiter
    end = next((place for place, one in enumerate(text) if one in ends), len(text))
    if context.delimiter == " ":
        bad = next((one for one in text[:end] if one in "\"'<=`"), None)
        if bad is not None:
            raise BadHTML(f"{_short(bad)} in unquoted attr: {_short(text[:end])}")
    if end == len(text):
        return _inside(context, html.unescape(text)), end, text
    end += context.delimiter != " "
    return Context("tag", element=context.element), end, text[:end]


def _inside(context: Context, value: str) -> Context:
    match context.state:
        case "url" | "srcset":
            if "#" in value or "?" in value:
                return replace(context, url_part="query")
            if value.strip(_SPACE) and not context.url_part:
                return replace(context, url_part="path")
            return context
        case "script" | "script string":
            return _script(context, value)
        case _:
            return context


def _special(context: Context, text: str) -> tuple[Context, int, str]:
    """The body of a script, a style, a title or a text area: only its own end tag ends it."""
    found = re.search(rf"</{context.element}(?=[> \t\n\f/])", text, re.IGNORECASE)
    if found is not None and found.start() == 0:
        return Context("text"), 0, ""
    body = text[: found.start()] if found is not None else text
    if found is not None:
        closing = found.group()
        after = Context("tag")
        kept = body.replace("<", "&lt;") if context.state == "rcdata" else body
        return after, found.end(), kept + closing
    if context.state in {"script", "script string"}:
        return _script(context, body), len(body), body
    return context, len(body), body.replace("<", "&lt;") if context.state == "rcdata" else body


def _script(context: Context, code: str) -> Context:
    """Where in a script we are: between tokens, in a string, or where only a parser of JavaScript could tell."""
    place, quote = 0, context.quote
    while place < len(code):
        if quote:
            end = _STRING_END[quote].match(code, place)
            if end is None:
                unfinished = (len(code) - len(code.rstrip("\\"))) % 2
                return replace(context, state="script unknown" if unfinished else "script string", quote=quote)
            place, quote = end.end(), ""
            continue
        token = _SCRIPT_TOKEN.search(code, place)
        if token is None:
            break
        if token.group() in {"`", "/"} or (
            token.group().startswith(("//", "<!--", "-->")) and token.end() == len(code)
        ):
            return replace(context, state="script unknown", quote="")
        quote = token.group() if token.group() in {'"', "'"} else ""
        place = token.end()
    return replace(context, state="script string" if quote else "script", quote=quote)


def _attribute(name: str, element: str) -> Attribute:  # noqa: C901 - a table of names
    """What the value of an attribute is to a browser."""
    if element == "meta" and name == "content":
        return "meta content"
    if name.startswith("data-"):
        name = name.removeprefix("data-")
    elif ":" in name:
        prefix, _, name = name.partition(":")
        if prefix == "xmlns":
            return "url"
    match name:
        case "srcset" | "style":
            return name
        case "srcdoc":
            return "markup"
        case _ if name in _URLS:
            return "url"
        case _ if name.startswith("on"):
            return "script"
        case "srclang":
            return ""
        case _ if "src" in name or "uri" in name or "url" in name:
            return "url"
        case _:
            return ""


def _short(text: str) -> str:
    return '"' + text[:32].replace('"', '\\"') + '"'
