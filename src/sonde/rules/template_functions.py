"""Templates of alerts' labels and annotations: Prometheus' functions and variables.

``check`` is for when rules are loaded, ``expand`` for when they fire. Functions that ask the store are awaited:
rendering stops at a ``query`` whose answer is not there yet, and begins again when it is, so that a template without
one costs nothing for it.

Language: https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import quote_plus, urlsplit

from sonde.errors import UserError
from sonde.telemetry.duration import parse_strict_nanoseconds
from sonde.telemetry.labels import Labels
from sonde.telemetry.template import HTML, FunctionError, StringMap, Struct, Template, TemplateError, TemplateSet
from sonde.telemetry.template.humanize import (
    humanize,
    humanize_1024,
    humanize_duration,
    humanize_percentage,
    humanize_timestamp,
    title,
    to_duration,
    to_time,
)
from sonde.telemetry.template.regexp import matches, replace_all

MAX_QUERIES: Final = 100
"""How many different queries one template may ask."""
_PRELUDE: Final = (
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
)


@dataclass(frozen=True, slots=True)
class Sample(Struct):
    """An element of a query's answer."""

    GO_TYPE: ClassVar[str] = "*template.sample"
    FIELDS: ClassVar[Mapping[str, str]] = {"Labels": "labels", "Value": "value"}

    labels: StringMap
    value: object
    """A float, or what shows itself as a native histogram."""

    @classmethod
    def of(cls, labels: Labels, value: object) -> Sample:
        """The sample of a series."""
        return cls(StringMap(labels), value)


class Samples(tuple[Sample, ...]):
    """A query's answer."""

    __slots__ = ()
    GO_TYPE: ClassVar[str] = "template.queryResult"


Query = Callable[[str, float], Awaitable[Sequence[Sample]]]
"""Answers an instant query at a time in Unix seconds."""


@dataclass(frozen=True, slots=True)
class AlertData(Struct):
    """What a template knows of its alert."""

    GO_TYPE: ClassVar[str] = (
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
    )
    FIELDS: ClassVar[Mapping[str, str]] = {
        "Labels": "labels",
        "ExternalLabels": "external_labels",
        "ExternalURL": "external_url",
        "Value": "value",
    }

    labels: StringMap
    value: object
    external_labels: StringMap = field(default_factory=StringMap)
    external_url: str = ""


@dataclass(slots=True)
class _Expansion:
    """One expansion: when it is, and what has been asked so far."""

    at: float
    external_url: str
    answers: dict[str, Samples | UserError]


class _Unanswered(Exception):
    """A query's answer is needed to go on."""

    def __init__(self, query: str) -> None:
        super().__init__(query)
        self.query = query


_expansion: ContextVar[_Expansion] = ContextVar("expansion")


def check(text: str, *, alert: str) -> None:
    """Check a label or annotation of a rule without an alert.

    >>> check("{{ $labels.job }} is {{ $value | humanize }}", alert="Down")

    Raises:
        TemplateError: It is no template.
    """
    _parsed(text, alert)


async def expand(text: str, data: AlertData, *, alert: str, at: float, query: Query) -> str:
    """The text of a label or annotation, for an alert at a time in Unix seconds.

    Raises:
        TemplateError: It is no template, or could not be executed for this alert; in Prometheus' words.
    """
    if "{{" not in text:
        return text
    try:
        template = _parsed(text, alert)
    except TemplateError as error:
        raise _said(error, f"error parsing template __alert_{alert}: ") from None
    expansion = _Expansion(at, data.external_url, {})
    while True:
        try:
            return _rendered(template, data, expansion)
        except TemplateError as error:
            raise _said(error, f"error executing template __alert_{alert}: ") from None
        except _Unanswered as missing:
            await _answer(missing.query, expansion, query)


async def expand_or_explain(
    text: str, data: AlertData, *, alert: str, at: float, query: Query
) -> tuple[str, TemplateError | None]:
    """``expand`` for those who must go on: what is wrong becomes the text, as Prometheus has it, and is also told."""
    try:
        return await expand(text, data, alert=alert, at=at, query=query), None
    except TemplateError as error:
        return f"<error expanding template: {error.message}>", error


def _rendered(template: Template, data: AlertData, expansion: _Expansion) -> str:
    token = _expansion.set(expansion)
    try:
        return template.render(data)
    finally:
        _expansion.reset(token)


async def _answer(text: str, expansion: _Expansion, query: Query) -> None:
    if len(expansion.answers) >= MAX_QUERIES:
        expansion.answers[text] = UserError(f"template asks more than {MAX_QUERIES} queries", code="template.limit")
        return
    try:
        expansion.answers[text] = Samples(await query(text, expansion.at))
    except UserError as error:
        expansion.answers[text] = error


def _said(error: TemplateError, words: str) -> TemplateError:
    return TemplateError(words + error.message, code=error.code, position=error.position)


@functools.lru_cache(maxsize=4096)
def _parsed(text: str, alert: str) -> Template:
    """The template with the variables that people use; on its first line, positions are those in their own text."""
    try:
        return TemplateSet(FUNCTIONS, missing_key="zero").parse(_PRELUDE + text, name=f"__alert_{alert}")
    except TemplateError as error:
        line, column = error.position or (1, 1)
        own = (line, max(1, column - len(_PRELUDE)) if line == 1 else column)
        raise TemplateError(error.message, code=error.code, position=own) from None


# The functions


def query(text: str) -> Samples:
    """``query``: the answer of an instant query at the time of the alert."""
    answer = _expansion.get().answers.get(text)
    if answer is None:
        raise _Unanswered(text)
    if isinstance(answer, UserError):
        raise answer
    return answer


def first(samples: Samples) -> Sample:
    """``first``."""
    if not samples:
        raise FunctionError("first() called on vector with no elements")
    return samples[0]


def label(name: str, sample: Sample) -> str:
    """``label``: of a sample."""
    return _existing(sample).labels.get(name, "")


def value(sample: Sample) -> object:
    """``value``: of a sample."""
    return _existing(sample).value


def strvalue(sample: Sample) -> str:
    """``strvalue``: the label that ``count_values`` and others call ``__value__``."""
    return _existing(sample).labels.get("__value__", "")


def _existing(sample: Sample | None) -> Sample:
    if sample is None:
        raise FunctionError("runtime error: invalid memory address or nil pointer dereference")
    return sample


def sort_by_label(name: str, samples: Samples) -> Samples:
    """``sortByLabel``."""
    return Samples(sorted(samples, key=lambda sample: sample.labels.get(name, "").encode("utf-8", "surrogateescape")))


def arguments(*values: object) -> dict[str, object]:
    """``args``: several values for a template that takes one.

    >>> arguments("a", 1)
    {'arg0': 'a', 'arg1': 1}
    """
    return {f"arg{place}": one for place, one in enumerate(values)}


def safe_html(text: str) -> HTML:
    """``safeHtml``."""
    return HTML(text)


def upper(text: str) -> str:
    """``toUpper``."""
    return text.upper()


def lower(text: str) -> str:
    """``toLower``."""
    return text.lower()


def capitalized(text: str) -> str:
    """``title``."""
    return title(text)


def graph_link(expression: str) -> str:
    """``graphLink``: the expression's graph in Prometheus' UI.

    >>> graph_link("up == 0")
    '/graph?g0.expr=up+%3D%3D+0&g0.tab=0'
    """
    return f"/graph?g0.expr={url_query_escape(expression)}&g0.tab=0"


def table_link(expression: str) -> str:
    """``tableLink``: the expression's table in Prometheus' UI."""
    return f"/graph?g0.expr={url_query_escape(expression)}&g0.tab=1"


def url_query_escape(text: str) -> str:
    """``urlQueryEscape``."""
    return quote_plus(text.encode("utf-8", "surrogateescape"), safe="~")


def strip_port(address: str) -> str:
    """``stripPort``.

    >>> strip_port("web:9100"), strip_port("[::1]:80"), strip_port("web"), strip_port("a:b:c")
    ('web', '::1', 'web', 'a:b:c')
    """
    parts = _host_and_port(address)
    return address if parts is None else parts[0]


def strip_domain(address: str) -> str:
    """``stripDomain``.

    >>> strip_domain("web.example.com:9100"), strip_domain("10.0.0.1:80"), strip_domain("web.example.com")
    ('web:9100', '10.0.0.1:80', 'web')
    """
    host, port = _host_and_port(address) or (address, "")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        if "%" not in host:
            return address
    host = host.split(".", 1)[0]
    if not port:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _host_and_port(address: str) -> tuple[str, str] | None:
    """The parts of ``host:port``, or ``None`` for what is not quite that."""
    host, colon, port = address.rpartition(":")
    if not colon:
        return None
    if host.startswith("["):
        bracketed = host.endswith("]") and not set("[]") & set(host[1:-1]) and not set("[]") & set(port)
        return (host[1:-1], port) if bracketed else None
    return None if set(":[]") & set(host) or set("[]") & set(port) else (host, port)


def parse_duration(text: str) -> float:
    """``parseDuration``: a duration in seconds.

    >>> parse_duration("1h30m"), parse_duration("-1s")
    (5400.0, -1.0)
    """
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text)
    if body == "0":
        return 0.0
    if not body:
        raise FunctionError("empty duration string")
    try:
        return sign * parse_strict_nanoseconds(body) / 1e9
    except UserError as error:
        raise FunctionError(error.message) from None


def now() -> float:
    """``now``: the time of the alert in Unix seconds."""
    return _expansion.get().at


def external_url() -> str:
    """``externalURL``."""
    return _expansion.get().external_url


def path_prefix() -> str:
    """``pathPrefix``: the path of the external URL."""
    return urlsplit(_expansion.get().external_url).path


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "args": arguments,
    "externalURL": external_url,
    "first": first,
    "graphLink": graph_link,
    "humanize": humanize,
    "humanize1024": humanize_1024,
    "humanizeDuration": humanize_duration,
    "humanizePercentage": humanize_percentage,
    "humanizeTimestamp": humanize_timestamp,
    "label": label,
    "match": matches,
    "now": now,
    "parseDuration": parse_duration,
    "pathPrefix": path_prefix,
    "query": query,
    "reReplaceAll": replace_all,
    "safeHtml": safe_html,
    "sortByLabel": sort_by_label,
    "stripDomain": strip_domain,
    "stripPort": strip_port,
    "strvalue": strvalue,
    "tableLink": table_link,
    "title": capitalized,
    "toDuration": to_duration,
    "toLower": lower,
    "toTime": to_time,
    "toUpper": upper,
    "urlQueryEscape": url_query_escape,
    "value": value,
}
