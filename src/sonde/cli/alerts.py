"""`sonde alerts query | ack`: the alerts of a running Sonde as amtool shows them, and saying that somebody is on it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from sonde.cli import options
from sonde.cli.alertmanager import (
    AlertmanagerConnection,
    MatcherTexts,
    Output,
    OutputForm,
    filter_texts,
    labels_text,
    matchers_of,
    own_api,
    when,
    write_json,
    write_table,
)
from sonde.cli.rows import printable
from sonde.errors import NotFound, UserError

group = typer.Typer(help="See and acknowledge alerts of a running Sonde.", no_args_is_help=True)
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")


@group.command("query")
def query(
    matchers: MatcherTexts = None,
    active: Annotated[bool, typer.Option("--active", "-a", help="Those that are told.")] = False,
    silenced: Annotated[bool, typer.Option("--silenced", "-s", help="Those that a silence holds back.")] = False,
    inhibited: Annotated[bool, typer.Option("--inhibited", "-i", help="Those that another one holds back.")] = False,
    unprocessed: Annotated[bool, typer.Option("--unprocessed", "-u", help="Those that nobody has looked at.")] = False,
    receiver: Annotated[
        str, typer.Option("--receiver", "-r", metavar="REGEXP", help="Only for these receivers.", show_default=False)
    ] = "",
    output: OutputForm = Output.SIMPLE,
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Show alerts; without a flag, those that are active.

    sonde alerts query service=shop -o extended
    """
    shown = {"active": active, "silenced": silenced, "inhibited": inhibited, "unprocessed": unprocessed}
    if not any(shown.values()):
        shown["active"] = True
    alerts = _alerts(AlertmanagerConnection(server, key, tenant), matchers or (), receiver, **shown)
    match output:
        case Output.JSON:
            write_json(sys.stdout, alerts)
        case Output.EXTENDED:
            names = ("Labels", "Annotations", "Starts At", "Ends At", "Generator URL", "State")
            rows = [
                (
                    labels_text(alert["labels"]),
                    labels_text(alert["annotations"]),
                    when(alert["startsAt"]),
                    when(alert["endsAt"]),
                    alert.get("generatorURL", ""),
                    alert["status"]["state"],
                )
                for alert in alerts
            ]
            write_table(sys.stdout, names, rows)
        case Output.SIMPLE:
            simple = [
                (
                    alert["labels"].get("alertname", ""),
                    when(alert["startsAt"]),
                    alert["annotations"].get("summary", ""),
                    alert["status"]["state"],
                )
                for alert in alerts
            ]
            write_table(sys.stdout, ("Alertname", "Starts At", "Summary", "State"), simple)


@group.command("ack")
def ack(
    alerts: Annotated[
        list[str], typer.Argument(metavar="FINGERPRINT|MATCHER...", help="Fingerprints, or matchers as in `query`.")
    ],
    comment: Annotated[
        str, typer.Option("--comment", "-c", metavar="TEXT", help="What you do about it.", show_default=False)
    ] = "",
    author: Annotated[
        str, typer.Option("--author", "-a", metavar="NAME", help="Who; else the name of the key.", show_default=False)
    ] = "",
    lasts: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="Like 2h; else until it ends.", show_default=False)
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Nobody is on it any more.")] = False,
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Say that somebody is on it: escalation stops. Prints the fingerprints.

    sonde alerts ack HighLatency service=shop --comment "rolling back"
    """
    connection = AlertmanagerConnection(server, key, tenant)
    if all(map(_FINGERPRINT.fullmatch, alerts)):
        names = dict.fromkeys(alerts, "")
    else:
        found = _alerts(connection, alerts, active=True, silenced=True, inhibited=True, unprocessed=True)
        names = {alert["fingerprint"]: labels_text(alert["labels"]) for alert in found}
    if not names:
        raise NotFound("no alert fires with these labels", hint="`sonde alerts query` shows those that do")
    own = own_api(connection)
    body = {name: value for name, value in (("comment", comment), ("by", author), ("for", lasts)) if value}
    for fingerprint, labels in names.items():
        path = f"/alerts/{fingerprint}/acknowledge"
        try:
            own.ask("DELETE", path) if undo else own.ask("POST", path, body=body)
        except UserError as error:
            raise type(error)(f"{fingerprint}: {error.message}", code=error.code, hint=error.hint) from error
        print(printable(f"{fingerprint}  {labels}".rstrip()))


def _alerts(
    connection: AlertmanagerConnection, matchers: Sequence[str], receiver: str = "", **shown: bool
) -> list[dict[str, Any]]:
    """Alerts in the order in which they began."""
    parameters: dict[str, object] = {name: str(value).lower() for name, value in shown.items()}
    parameters["filter"] = filter_texts(matchers_of(matchers))
    if receiver:
        parameters["receiver"] = receiver
    return sorted(connection.listed("/alerts", parameters), key=lambda alert: str(alert["startsAt"]))
