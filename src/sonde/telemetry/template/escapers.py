"""What makes text safe for HTML, URLs and scripts: ``html``, ``js``, ``urlquery``, and what ``escape`` adds.

Rules: https://pkg.go.dev/html/template
"""

from __future__ import annotations

import json
import math
import re
import string
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

from sonde.telemetry.template.printf import sprint, sprint_all
from sonde.telemetry.template.source import FunctionError
from sonde.telemetry.template.values import HTML, URL, fields_of, kind_of, methods_of, sorted_items

_HTML: Final = str.maketrans({"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_STRICT_HTML: Final = _HTML | str.maketrans({"+": "&#43;"})
_NORMAL_HTML: Final = {code: text for code, text in _STRICT_HTML.items() if code != ord("&")}
_UNQUOTED: Final = str.maketrans(
    {"\0": "&#xfffd;", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "+": "&#43;", "=": "&#61;"}
    | {"`": "&#96;"}
    | {one: f"&#{ord(one)};" for one in "\t\n\v\f\r "}
)
_NORMAL_UNQUOTED: Final = {code: text for code, text in _UNQUOTED.items() if code != ord("&")}
_TAG: Final = re.compile(r"<!--.*?(?:-->|\Z)|</?[a-zA-Z](?:[^>\"']|\"[^\"]*\"|'[^']*')*(?:>|\Z)", re.DOTALL)
_JS: Final = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}
)
_JS_STRING: Final = str.maketrans(
    {"\0": "\\u0000", "\t": "\\t", "\n": "\\n", "\v": "\\u000b", "\f": "\\f", "\r": "\\r", '"': "\\u0022"}
    | {"`": "\\u0060", "&": "\\u0026", "'": "\\u0027", "+": "\\u002b", "/": "\\/", "<": "\\u003c", ">": "\\u003e"}
    | {"\\": "\\\\", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
_SAFE_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_URL_KEPT: Final = "!#$&*+,/:;=?@[]-._~"
_BAD_PERCENT: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_LETTERS: Final = frozenset(string.ascii_letters.encode() + string.digits.encode())
_BLOCKED_URL: Final = "#ZgotmplZ"


def html_escape(*values: object) -> str:
    """``html``: text for HTML.

    >>> html_escape("<a href='x'>")
    '&lt;a href=&#39;x&#39;&gt;'
    """
    return _printable(values).translate(_HTML)


def js_escape(*values: object) -> str:
    r"""``js``: text for a JavaScript string.

    >>> js_escape("it's </script>")
    "it\\'s \\u003C/script\\u003E"
    """
    text = _printable(values).translate(_JS)
    return "".join(one if one.isprintable() else f"\\u{ord(one):04X}" for one in text)


def query_escape(*values: object) -> str:
    """``urlquery``: text for a query's value.

    >>> query_escape("a b&c=~")
    'a+b%26c%3D~'
    """
    return quote_plus(_printable(values).encode("utf-8", "surrogateescape"), safe="~")


def _printable(values: tuple[object, ...]) -> str:
    return sprint_all(*("<no value>" if value is None else value for value in values))


def text_html(*values: object) -> str:
    """A value where HTML text stands."""
    if len(values) == 1 and isinstance(values[0], HTML):
        return str(values[0])
    return _plain(values).translate(_STRICT_HTML)


def rcdata(*values: object) -> str:
    """A value in a title or text area: there are no tags there, but there are entities."""
    if len(values) == 1 and isinstance(values[0], HTML):
        return str(values[0]).translate(_NORMAL_HTML)
    return _plain(values).translate(_STRICT_HTML)


def attribute(*values: object) -> str:
    """A value in a quoted attribute: of HTML only its text.

    >>> attribute(HTML('<b>"x"</b>'))
    '&#34;x&#34;'
    """
    if len(values) == 1 and isinstance(values[0], HTML):
        return _TAG.sub("", values[0]).translate(_NORMAL_HTML)
    return _plain(values).translate(_STRICT_HTML)


def unquoted_attribute(*values: object) -> str:
    """A value in an attribute without quotes.

    >>> unquoted_attribute("a b")
    'a&#32;b'
    """
    if len(values) == 1 and isinstance(values[0], HTML):
        return _TAG.sub("", values[0]).translate(_NORMAL_UNQUOTED) or "ZgotmplZ"
    return _plain(values).translate(_UNQUOTED) or "ZgotmplZ"


def filtered_url(*values: object) -> str:
    """A value at the beginning of a URL: nothing of a scheme that could run code.

    >>> filtered_url("javascript:alert(1)"), filtered_url("https://x/?q=1")
    ('#ZgotmplZ', 'https://x/?q=1')
    """
    text = _plain(values)
    if len(values) == 1 and isinstance(values[0], URL):
        return text
    scheme, colon, _ = text.partition(":")
    if colon and "/" not in scheme and scheme.lower() not in _SAFE_SCHEMES:
        return _BLOCKED_URL
    return text


def normalized_url(*values: object) -> str:
    """A value in a URL's path: what a URL may hold stays.

    >>> normalized_url("/a b?c=%20%")
    '/a%20b?c=%20%25'
    """
    return _encoded(_BAD_PERCENT.sub("%25", _plain(values)), safe=_URL_KEPT + "%")


def escaped_url(*values: object) -> str:
    """A value in a URL's query or fragment.

    >>> escaped_url("a b/c&d")
    'a%20b%2fc%26d'
    """
    return _encoded(_plain(values), safe="-._~")


def _encoded(text: str, *, safe: str) -> str:
    """Percent-encoded with small letters, as Go has them; what was encoded before stays as it is."""
    kept = safe.encode()
    if text.isascii() and all(one.isalnum() or one in safe for one in text):
        return text
    encoded = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in _LETTERS or byte in kept else f"%{byte:02x}" for byte in encoded)


def js_string(*values: object) -> str:
    r"""A value inside a string of a script.

    >>> js_string("it's </script>")
    'it\\u0027s \\u003c\\/script\\u003e'
    """
    return _plain(values).translate(_JS_STRING)


def js_value(*values: object) -> str:
    r"""A value as an expression of a script: JSON, of which no character ends the script.

    >>> js_value({"a": ["</script>", 1, None]})
    '{"a":["\\u003c/script\\u003e",1,null]}'
    """
    shown = json_text(values[0] if len(values) == 1 else sprint_all(*values))
    return shown if shown[0] in '"{[' else f" {shown} "


def no_comment(*_values: object) -> str:
    """A value in a comment: nothing."""
    return ""


def json_text(value: Any) -> str:
    r"""A value as Go's ``encoding/json`` writes it for HTML.

    >>> json_text({"b": 1.0, "a": "<"})
    '{"a":"\\u003c","b":1}'
    """
    text = json.dumps(_plain_data(value), ensure_ascii=False, separators=(",", ":"))
    for one in "<>&\u2028\u2029":
        text = text.replace(one, f"\\u{ord(one):04x}")
    return text


def _plain_data(value: Any) -> Any:
    match kind_of(value):
        case "slice":
            return [_plain_data(one) for one in value]
        case "map":
            return {sprint(key): _plain_data(one) for key, one in sorted_items(value)}
        case "struct":
            if "MarshalJSON" in methods_of(value):
                return getattr(value, methods_of(value)["MarshalJSON"])()
            names: Mapping[str, str] = getattr(type(value), "JSON", {})
            return {
                names.get(name, name): _plain_data(getattr(value, place)) for name, place in fields_of(value).items()
            }
        case "float" if not math.isfinite(value):
            raise FunctionError(f"json: unsupported value: {sprint(value)}")
        case "float" if value.is_integer() and abs(value) < 1e21:
            return int(value)
        case "func":
            raise FunctionError("json: unsupported type: func()")
        case "invalid":
            return None
        case _:
            return value


def _plain(values: tuple[object, ...]) -> str:
    """The values as text; one that is nil is none."""
    if len(values) == 1:
        return "" if values[0] is None else sprint(values[0])
    return sprint_all(*values)


def as_one(*values: object) -> str:
    """The text of several values, which the user gave to an escaper."""
    return _plain(values)


ESCAPERS: Final[Mapping[str, Callable[..., Any]]] = {
    "_eval_args_": as_one,
    "_html_template_attrescaper": attribute,
    "_html_template_commentescaper": no_comment,
    "_html_template_htmlescaper": text_html,
    "_html_template_jsstrescaper": js_string,
    "_html_template_jsvalescaper": js_value,
    "_html_template_nospaceescaper": unquoted_attribute,
    "_html_template_rcdataescaper": rcdata,
    "_html_template_urlescaper": escaped_url,
    "_html_template_urlfilter": filtered_url,
    "_html_template_urlnormalizer": normalized_url,
}
