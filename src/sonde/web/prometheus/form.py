"""The parameters of a request, from its address and, when it is a POST, from its body too, which comes first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from sonde.errors import TooLarge, UnsupportedMedia, UserError
from sonde.web.prometheus.times import parse_time

MAX_BODY_BYTES: Final = 4 << 20
_MAX_FIELDS: Final = 10_000
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Form:
    """Parameters by name, each with all its values.

    >>> form = Form({"query": ["up"], "match[]": ["a", "b"]})
    >>> form["query"], form["time"], form.all("match[]")
    ('up', '', ['a', 'b'])
    """

    values: Mapping[str, Sequence[str]]

    def __getitem__(self, name: str) -> str:
        """The first value, or "" when there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> Sequence[str]:
        """All values, in order."""
        return self.values.get(name, ())


async def read_form(request: Request) -> Form:
    """Read both places. Raises ``UserError`` for a body that is no form or too large."""
    pairs = _pairs(request.url.query)
    if request.method in {"POST", "PUT"}:
        pairs = [*_pairs(await _body(request)), *pairs]
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return Form(values)


Asked = Annotated[Form, Depends(read_form)]


@contextlib.contextmanager
def parameter(name: str) -> Iterator[None]:
    """Within the block a parameter is read; what is wrong with it is said by its name."""
    try:
        yield
    except UserError as error:
        raise UserError(f'invalid parameter "{name}": {error.message}', code="bad_data") from None


def optional_time(form: Form, name: str, default: int) -> int:
    """The time of a parameter that may be left out, in milliseconds."""
    text = form[name]
    if not text:
        return default
    with parameter(name):
        try:
            return parse_time(text)
        except UserError as error:
            raise UserError(f"invalid time value for '{name}': {error.message}", code="bad_data") from None


async def _body(request: Request) -> str:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise TooLarge(f"the form is larger than {MAX_BODY_BYTES >> 20} MiB")
        parts.append(part)
    if size and media_type and media_type != _FORM:
        raise UnsupportedMedia(f"a body of type {media_type} is no form", hint=f"send {_FORM}")
    try:
        return b"".join(parts).decode()
    except UnicodeDecodeError:
        raise _bad_form("it is not UTF-8") from None


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except UnicodeDecodeError:
        raise _bad_form("a value is not UTF-8") from None
    except ValueError as error:
        raise _bad_form(str(error)) from None


def _bad_form(why: str) -> UserError:
    return UserError(f"error parsing form values: {why}", code="bad_data")
