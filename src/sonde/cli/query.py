"""`sonde query sql`: a question to a running Sonde, its answer as a table, JSON, CSV or TSV; `promql` is beside it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sonde.cli import options, promql
from sonde.cli.format import Format
from sonde.errors import UserError

group = typer.Typer(help="Ask a running Sonde.", no_args_is_help=True)
group.command("promql")(promql.promql)


@group.command("sql")
def sql(
    statement: Annotated[
        str, typer.Argument(metavar="SQL", help="A SELECT in ClickHouse's SQL; - reads it from stdin.")
    ],
    format: Annotated[Format, typer.Option(help="How rows are written.")] = Format.TABLE,  # noqa: A002 -- the flag's name
    parameter: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="A value for {NAME:Type} in the SQL; repeat."),
    ] = None,
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Run a SELECT.

    sonde query sql "SELECT service, count() FROM spans GROUP BY service"
    """
    from sonde.cli.connection import Connection
    from sonde.cli.rows import write_rows

    parameters: dict[str, object] = {}
    for pair in parameter or ():
        name, separator, value = pair.partition("=")
        if not separator:
            raise UserError(
                f"--param {pair!r} has no value", code="cli.bad_parameter", hint="write it like --param service=shop"
            )
        parameters[name] = value
    text = sys.stdin.read() if statement == "-" else statement
    answer = Connection(server, key, tenant).post("/query/sql", {"sql": text, "parameters": parameters})
    names = [column["name"] for column in answer["columns"]]
    write_rows(sys.stdout, format.value, names, answer["rows"])
    sys.stdout.flush()
    if format is Format.TABLE:
        stats = answer["stats"]
        print(
            f"{_count(len(answer['rows']))} in {stats['elapsed_seconds']:.3f} s; {_count(stats['rows_read'])} read",
            file=sys.stderr,
        )
    if answer.get("truncated"):
        print("There are more rows than the limit of the server allows; add a LIMIT or aggregate.", file=sys.stderr)


def _count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"
