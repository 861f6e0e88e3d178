"""The parameters and bodies of requests, checked as the specification has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from sonde.errors import TooLarge, UserError
from sonde.notify.alert import PostedAlert
from sonde.notify.matchers import Matchers, parse_matcher
from sonde.notify.silence import Silence, new_silence_matcher
from sonde.telemetry.matcher import Matcher
from sonde.telemetry.regexp import fault_of
from sonde.web.alertmanager.answer import bad_type, required
from sonde.web.alertmanager.time import parse_time

MAX_BODY_BYTES: Final = 16 << 20
_TRUE: Final = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts are asked for."""

    matchers: Matchers
    receiver: Matcher | None
    active: bool = True
    silenced: bool = True
    inhibited: bool = True
    muted: bool = True

    def fits_receiver(self, *names: str) -> bool:
        """Whether one of these receivers is asked for."""
        return self.receiver is None or any(map(self.receiver.matches, names))

    def fits_labels(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fit; an empty value asks whether there is such a label.

        >>> there = AlertFilter((parse_matcher('a!=""'), Matcher("b", "=", "")), None)
        >>> there.fits_labels({"a": "1"}), there.fits_labels({"a": "1", "b": "1"})
        (True, False)
        """
        for matcher in self.matchers:
            is_there = matcher.name in labels
            if matcher.value == "" and is_there == (matcher.operator in {"!=", "!~"}):
                continue
            if not matcher.matches(labels.get(matcher.name, "")):
                return False
        return True


async def alert_filter(request: Request) -> AlertFilter:
    """What ``GET`` of alerts and groups is asked. Raises ``UserError`` in Alertmanager's words."""
    parameters = request.query_params
    receiver = parameters.get("receiver")
    if receiver and (fault := fault_of(f"^(?:{receiver})$")):
        raise UserError(f"failed to parse receiver param: {fault}", code="alertmanager.receiver")
    flags = {
        name: parameters[name].lower() in _TRUE
        for name in ("active", "silenced", "inhibited", "muted")
        if name in parameters
    }
    return AlertFilter(
        matchers_of(parameters.getlist("filter")), Matcher("", "=~", receiver) if receiver else None, **flags
    )


Filter = Annotated[AlertFilter, Depends(alert_filter)]


def matchers_of(texts: Sequence[str]) -> Matchers:
    """The matchers of ``filter`` parameters."""
    return tuple(map(parse_matcher, texts))


async def read_body(request: Request, name: str) -> Any:
    """A JSON body."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise TooLarge(f"the body is larger than {MAX_BODY_BYTES >> 20} MiB")
        parts.append(part)
    if not size:
        raise required(name)
    try:
        return json.loads(b"".join(parts))
    except (ValueError, RecursionError) as error:
        raise UserError(f'parsing {name} body from "" failed, because {error}', code="alertmanager.json") from None


def posted_alerts(body: Any) -> list[PostedAlert]:
    """The alerts of a body."""
    if not isinstance(body, list):
        raise bad_type("alerts", "body", "array", body)
    return [_posted_alert(item, str(place)) for place, item in enumerate(body)]


def _posted_alert(item: Any, place: str) -> PostedAlert:
    if not isinstance(item, dict):
        raise bad_type(place, "body", "object", item)
    if item.get("labels") is None:
        raise required(f"{place}.labels")
    return PostedAlert(
        labels=_texts(item, "labels", place),
        annotations=_texts(item, "annotations", place),
        starts_at=_time(item, "startsAt", f"{place}."),
        ends_at=_time(item, "endsAt", f"{place}."),
        generator_url=_text(item, "generatorURL", f"{place}."),
    )


def posted_silence(body: Any) -> Silence:
    """The silence of a body; its id is "" if it is to be a new one."""
    if not isinstance(body, dict):
        raise bad_type("silence", "body", "object", body)
    for name in ("comment", "createdBy", "endsAt", "matchers", "startsAt"):
        if body.get(name) is None:
            raise required(name)
    matchers = body["matchers"]
    if not isinstance(matchers, list):
        raise bad_type("matchers", "body", "array", matchers)
    return Silence(
        matchers=tuple(_matcher(item, f"matchers.{place}") for place, item in enumerate(matchers)),
        starts_at=_time(body, "startsAt", ""),
        ends_at=_time(body, "endsAt", ""),
        created_by=_text(body, "createdBy", ""),
        comment=_text(body, "comment", ""),
        id=_text(body, "id", ""),
    )


def _matcher(item: Any, place: str) -> Matcher:
    if not isinstance(item, dict):
        raise bad_type(place, "body", "object", item)
    for name in ("isRegex", "name", "value"):
        if item.get(name) is None:
            raise required(f"{place}.{name}")
    is_equal = item.get("isEqual")
    for name, value in (("isRegex", item["isRegex"]), ("isEqual", True if is_equal is None else is_equal)):
        if not isinstance(value, bool):
            raise bad_type(f"{place}.{name}", "body", "boolean", value)
    return new_silence_matcher(
        _text(item, "name", f"{place}."),
        _text(item, "value", f"{place}."),
        is_regex=item["isRegex"],
        is_equal=True if is_equal is None else is_equal,
    )


def _texts(item: Mapping[str, Any], name: str, place: str) -> dict[str, str]:
    value = item.get(name) or {}
    if not isinstance(value, dict):
        raise bad_type(f"{place}.{name}", "body", "object", value)
    for key, text in value.items():
        if not isinstance(text, str):
            raise bad_type(f"{place}.{name}.{key}", "body", "string", text)
    return {_whole(key): _whole(text) for key, text in value.items()}


def _text(item: Mapping[str, Any], name: str, place: str) -> str:
    value = item.get(name)
    if value is not None and not isinstance(value, str):
        raise bad_type(f"{place}{name}", "body", "string", value)
    return _whole(value or "")


def _whole(text: str) -> str:
    """The text with U+FFFD for halves of characters, which JSON can spell."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _time(item: Mapping[str, Any], name: str, place: str) -> int:
    text = _text(item, name, place)
    at = parse_time(text) if text else 0
    if at is None:
        raise bad_type(f"{place}{name}", "body", "date-time", text)
    return at
