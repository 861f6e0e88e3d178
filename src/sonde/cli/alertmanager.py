"""Alertmanager's API v2 of a running Sonde, and what `sonde silence` and `sonde alerts` have in common with amtool.

Arguments, and the forms ``simple``, ``extended`` and ``json`` of answers, are amtool's.
"""

from __future__ import annotations

import enum
import json
import urllib.error
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO

import typer

from sonde.cli.connection import API, Connection
from sonde.cli.rows import printable
from sonde.errors import NotFound, UserError

if TYPE_CHECKING:
    from sonde.telemetry.matcher import Matcher

API_V2: Final = "/alertmanager/api/v2"
_HINTS: Final = {401: "give the key of this Sonde with --key or SONDE_API_KEY; `sonde keys create` makes one"}
_LARGEST_ERROR_BYTES: Final = 1 << 16


class Output(enum.StrEnum):
    """How answers are written."""

    SIMPLE = "simple"
    EXTENDED = "extended"
    JSON = "json"


OutputForm = Annotated[Output, typer.Option("--output", "-o", help="How answers are written.")]
MatcherTexts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MATCHER]...",
        help="Like service=shop or 'instance=~web.*'; a first word alone is the name of an alert.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class AlertmanagerConnection(Connection):
    """A connection whose answers may be empty, and whose refusals may be Alertmanager's."""

    api: str = API_V2

    def ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, object] | None = None,
        body: object = None,
        timeout_seconds: float = 30,
    ) -> Any:
        """The JSON of an answer; None if it is empty.

        Raises:
            NotFound: There is nothing of that name.
            UserError: The server refuses, or there is none.
        """
        request = self._request(path, parameters)
        request.method = method
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with self._opened(request, timeout_seconds) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error, request.selector) from None
        try:
            return json.loads(text) if text.strip() else None
        except ValueError:
            raise _not_sonde(f"{request.full_url} answered no JSON") from None

    def listed(self, path: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        """A list of things that the server has.

        Raises:
            UserError: The server refuses, there is none, or it is not Sonde's.
        """
        found = self.ask("GET", path, parameters=parameters)
        if not isinstance(found, list):
            raise _not_sonde(f"{self.url}{self.api}{path} answered no list")
        return found


def own_api(connection: AlertmanagerConnection) -> AlertmanagerConnection:
    """The same server, but Sonde's own API."""
    return AlertmanagerConnection(connection.url, connection.key, connection.tenant, API)


def _refused(error: urllib.error.HTTPError, path: str) -> UserError:
    """What the server says: Alertmanager's texts and faults, or Sonde's errors."""
    try:
        said = json.loads(error.read(_LARGEST_ERROR_BYTES))
    except ValueError:
        said = None
    hint = _HINTS.get(error.code, "")
    kind = NotFound if error.code == 404 else UserError
    match said:
        case {"error": {"message": str(message), "code": str(code), **rest}}:
            return kind(message, code=code, hint=str(rest.get("hint") or hint))
        case str(message) | {"message": str(message)}:
            return kind(message, code=f"alertmanager.{error.code}", hint=hint)
        case _ if error.code == 404:
            return NotFound(f"the server has no {path}", code="cli.not_found")
        case _:
            return _not_sonde(f"{error.url} answered {error.code} {error.reason}")


def _not_sonde(answered: str) -> UserError:
    return UserError(f"{answered}, and not as Sonde does", code="cli.not_sonde", hint="is it the right --server?")


def matchers_of(texts: Sequence[str]) -> tuple[Matcher, ...]:
    """The matchers of arguments; a first one without an operator is the name of an alert.

    >>> [matcher.name for matcher in matchers_of(["HighLatency", "team=a,job!=b"])]
    ['alertname', 'team', 'job']
    """
    from sonde.notify.matchers import parse_matchers
    from sonde.telemetry.matcher import Matcher

    found: list[Matcher] = []
    for place, text in enumerate(texts):
        if place == 0 and not {"=", "~", "{"} & set(text):
            found.append(Matcher("alertname", "=", text))
        else:
            found += parse_matchers(text)
    return tuple(found)


def filter_texts(matchers: Iterable[Matcher]) -> list[str]:
    """Matchers as parameters of the API have them."""
    from sonde.notify.matchers import matcher_text

    return [matcher_text(matcher) for matcher in matchers]


def moment(text: str, option: str) -> datetime:
    """A time as RFC 3339 has it.

    >>> moment("2030-01-01T02:00:00+02:00", "--start")
    datetime.datetime(2030, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UserError(
            f"{option} {text!r} is not a time", code="cli.bad_time", hint="write it like 2030-01-01T12:00:00Z"
        )
    return found.astimezone(UTC)


def when(text: object) -> str:
    """A time of the API as people read it.

    >>> when("2026-11-21T11:30:16.540Z")
    '2026-11-21 11:30:16 UTC'
    """
    try:
        return f"{datetime.fromisoformat(str(text)).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return str(text)


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels in order, the name of the alert first; as amtool shows them, values are as they are.

    >>> labels_text({"a": "1", "alertname": "Down"})
    'alertname="Down" a="1"'
    """
    names = sorted(labels, key=lambda name: (name != "alertname", name))
    return " ".join(f'{name}="{labels[name]}"' for name in names)


def write_table(out: TextIO, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows as amtool aligns them: every column ends with two spaces."""
    lines = [names, *([printable(cell).replace("\n", "\\n").replace("\t", " ") for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    out.writelines(
        "".join(cell.ljust(width + 2) for cell, width in zip(line, widths, strict=True)) + "\n" for line in lines
    )


def write_json(out: TextIO, value: object) -> None:
    """As the API has it, on one line."""
    out.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
