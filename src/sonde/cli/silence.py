"""`sonde silence add | query | expire | update | import`: amtool's commands for the silences of a running Sonde."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sonde.cli import options
from sonde.cli.alertmanager import (
    AlertmanagerConnection,
    MatcherTexts,
    Output,
    OutputForm,
    filter_texts,
    matchers_of,
    moment,
    when,
    write_json,
    write_table,
)
from sonde.errors import NotFound, UserError

group = typer.Typer(help="Silence alerts of a running Sonde; with amtool's arguments.", no_args_is_help=True)

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="ID...", help="As `sonde silence query` shows them.", show_default=False)
]
Start = Annotated[
    str, typer.Option("--start", metavar="TIME", help="When it starts: 2030-01-01T12:00:00Z.", show_default=False)
]
End = Annotated[
    str, typer.Option("--end", metavar="TIME", help="When it ends; instead of --duration.", show_default=False)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only ids.")]
_KEPT: Final = ("matchers", "startsAt", "endsAt", "createdBy", "comment", "annotations")
"""What is posted of a silence; all else is the server's."""


@group.command("add")
def add(
    matchers: MatcherTexts = None,
    duration: Annotated[str, typer.Option("--duration", "-d", metavar="DURATION", help="How long.")] = "1h",
    comment: Annotated[
        str, typer.Option("--comment", "-c", metavar="TEXT", help="Why; others will ask.", show_default=False)
    ] = "",
    author: Annotated[
        str, typer.Option("--author", "-a", metavar="NAME", help="Who; else the user here.", show_default=False)
    ] = "",
    start: Start = "",
    end: End = "",
    require_comment: Annotated[bool, typer.Option("--require-comment/--no-require-comment")] = True,
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Add a silence and print its id.

    sonde silence add HighLatency service=shop --duration 2h --comment "moving the database"
    """
    wanted = matchers_of(matchers or ())
    if not wanted:
        raise UserError("no matchers specified", code="cli.silence", hint="for example: alertname=HighLatency")
    if require_comment and not comment:
        raise UserError("a silence needs a comment", code="cli.silence", hint="say why with --comment")
    starts = moment(start, "--start") if start else datetime.now(UTC)
    ends = _end(starts, end, duration)
    silence = {
        "matchers": [
            {
                "name": matcher.name,
                "value": matcher.value,
                "isRegex": matcher.operator in {"=~", "!~"},
                "isEqual": matcher.operator in {"=", "=~"},
            }
            for matcher in wanted
        ],
        "startsAt": _text(starts),
        "endsAt": _text(ends),
        "createdBy": author or getpass.getuser(),
        "comment": comment,
    }
    print(AlertmanagerConnection(server, key, tenant).ask("POST", "/silences", body=silence)["silenceID"])


@group.command("query")
def query(
    matchers: MatcherTexts = None,
    expired: Annotated[bool, typer.Option("--expired", help="Those that have ended, instead of the others.")] = False,
    within: Annotated[
        str, typer.Option(metavar="DURATION", help="Only those that end (ended) within it.", show_default=False)
    ] = "",
    created_by: Annotated[str, typer.Option(metavar="NAME", help="Only of this author.", show_default=False)] = "",
    ids: Annotated[
        list[str] | None, typer.Option("--id", metavar="ID", help="Only this one; repeat.", show_default=False)
    ] = None,
    quiet: Quiet = False,
    output: OutputForm = Output.SIMPLE,
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Show silences.

    sonde silence query service=shop -o extended
    """
    wanted = {"filter": filter_texts(matchers_of(matchers or ()))}
    found = AlertmanagerConnection(server, key, tenant).listed("/silences", wanted)
    edge = _length(within) if within else None
    now = datetime.now(UTC)

    def is_wanted(silence: dict[str, Any]) -> bool:
        ends = datetime.fromisoformat(silence["endsAt"])
        return (
            (silence["status"]["state"] == "expired") == expired
            and (edge is None or (ends >= now - edge if expired else ends <= now + edge))
            and created_by in {"", silence["createdBy"]}
            and (not ids or silence["id"] in ids)
        )

    _write([silence for silence in found if is_wanted(silence)], output, quiet=quiet)


@group.command("expire")
def expire(
    ids: Ids = None,
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """End silences now.

    sonde silence expire $(sonde silence query -q service=shop)
    """
    connection = AlertmanagerConnection(server, key, tenant)
    for each in _given(ids):
        _known(connection, "DELETE", each)


@group.command("update")
def update(
    ids: Ids = None,
    duration: Annotated[
        str, typer.Option("--duration", "-d", metavar="DURATION", help="How long from its start.", show_default=False)
    ] = "",
    start: Start = "",
    end: End = "",
    comment: Annotated[str, typer.Option("--comment", "-c", metavar="TEXT", show_default=False)] = "",
    quiet: Quiet = False,
    output: OutputForm = Output.SIMPLE,
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Change silences; what is not given stays."""
    connection = AlertmanagerConnection(server, key, tenant)
    changed = []
    for each in _given(ids):
        silence = _known(connection, "GET", each)
        starts = moment(start or silence["startsAt"], "--start")
        if start:
            silence["startsAt"] = _text(starts)
        if end or duration:
            silence["endsAt"] = _text(_end(starts, end, duration))
        if comment:
            silence["comment"] = comment
        body = {"id": silence["id"], **_posted(silence)}
        # A silence that cannot be changed in place, because it is another one now, gets another id.
        silence["id"] = connection.ask("POST", "/silences", body=body)["silenceID"]
        changed.append(silence)
    _write(changed, output, quiet=quiet)


@group.command("import")
def import_silences(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="JSON; without it, stdin.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Add them as new ones, even if they are known.")] = False,
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Add silences of a file that `sonde silence query -o json` or amtool wrote; print their ids."""
    try:
        silences = json.loads(sys.stdin.read() if file is None else file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file or 'stdin'} cannot be read: {error}", code="cli.input") from error
    if not isinstance(silences, list) or not all(isinstance(silence, dict) for silence in silences):
        raise UserError(f"{file or 'stdin'} is not a list of silences", code="cli.input")
    connection = AlertmanagerConnection(server, key, tenant)
    faults = 0
    for silence in silences:
        identity = {} if force else {"id": silence.get("id", "")}
        try:
            print(connection.ask("POST", "/silences", body={**identity, **_posted(silence)})["silenceID"])
        except UserError as error:
            if error.code == "cli.no_server":
                raise
            faults += 1
            print(f"Error adding silence id={silence.get('id', '')!r}: {error.message}", file=sys.stderr)
    if faults:
        raise UserError(f"couldn't import {faults} out of {len(silences)} silences", code="cli.silence")


def _write(silences: list[dict[str, Any]], output: Output, *, quiet: bool) -> None:
    if quiet:
        for silence in silences:
            print(silence["id"])
        return
    if output is not Output.JSON:
        silences.sort(key=lambda silence: str(silence["endsAt"]))
    match output:
        case Output.JSON:
            write_json(sys.stdout, silences)
        case Output.EXTENDED:
            names = ("ID", "Matchers", "Starts At", "Ends At", "Updated At", "Created By", "Comment")
            rows = [
                (
                    each["id"],
                    "{" + ",".join(_matcher_texts(each)) + "}",
                    *map(when, (each["startsAt"], each["endsAt"], each["updatedAt"])),
                    each["createdBy"],
                    each["comment"],
                )
                for each in silences
            ]
            write_table(sys.stdout, names, rows)
        case Output.SIMPLE:
            simple = [
                (
                    each["id"],
                    " ".join(_matcher_texts(each)),
                    when(each["endsAt"]),
                    each["createdBy"],
                    each["comment"],
                )
                for each in silences
            ]
            write_table(sys.stdout, ("ID", "Matchers", "Ends At", "Created By", "Comment"), simple)


def _matcher_texts(silence: dict[str, Any]) -> list[str]:
    from sonde.telemetry.matcher import Matcher

    return filter_texts(
        Matcher(
            each["name"],
            ("=~" if each["isRegex"] else "=") if each.get("isEqual", True) else ("!~" if each["isRegex"] else "!="),
            each["value"],
        )
        for each in silence["matchers"]
    )


def _posted(silence: dict[str, Any]) -> dict[str, Any]:
    return {name: silence[name] for name in _KEPT if name in silence}


def _given(ids: Sequence[str] | None) -> Sequence[str]:
    if not ids:
        raise UserError("no silence IDs specified", code="cli.silence", hint="`sonde silence query` shows them")
    return ids


def _known(connection: AlertmanagerConnection, method: str, silence_id: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = connection.ask(method, f"/silence/{silence_id}")
    except NotFound:
        raise NotFound(f"there is no silence {silence_id}", hint="`sonde silence query` shows all") from None
    return found


def _end(starts: datetime, end: str, duration: str) -> datetime:
    length = _length(duration) if not end else timedelta()
    if not end and length <= timedelta():
        raise UserError("silence duration must be greater than 0", code="cli.silence")
    ends = moment(end, "--end") if end else starts + length
    if starts > ends:
        raise UserError("silence cannot start after it ends", code="cli.silence")
    return ends


def _length(duration: str) -> timedelta:
    from sonde.telemetry.duration import parse_strict_nanoseconds

    return timedelta(microseconds=parse_strict_nanoseconds(duration) // 1000)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
