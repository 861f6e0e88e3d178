"""`sonde metrics cardinality`: which metrics and labels make the most series, asked of a running Sonde."""

from __future__ import annotations

import enum
import json
import sys
from typing import Annotated, Final

import typer

from sonde.cli import options
from sonde.cli.format import Format

group = typer.Typer(help="Metrics: what there is most of.", no_args_is_help=True)


class By(enum.StrEnum):
    """What series are counted by."""

    METRIC = "metric"
    LABEL = "label"
    BYTES = "bytes"
    PAIR = "pair"
    SAMPLES = "samples"
    NEW = "new"
    DAY = "day"


_LISTS: Final = {
    By.METRIC: ("by_metric", ("metric", "series")),
    By.LABEL: ("by_label", ("label", "values")),
    By.BYTES: ("by_label_bytes", ("label", "bytes")),
    By.PAIR: ("by_pair", ("label", "value", "series")),
    By.SAMPLES: ("samples_by_metric", ("metric", "samples")),
    By.NEW: ("new_by_metric", ("metric", "series")),
    By.DAY: ("growth", ("day", "series", "new", "gone")),
}


@group.callback()
def _group() -> None:
    """A group, though it has one command so far."""


@group.command("cardinality")
def cardinality(
    selector: Annotated[
        str, typer.Argument(metavar="[SELECTOR]", help='Only series that fit, like {job="api"}.', show_default=False)
    ] = "",
    by: Annotated[
        By,
        typer.Option(
            help="Series by metric, values or bytes by label, series by label pair, samples or new series by metric, "
            "or series by day."
        ),
    ] = By.METRIC,
    start: Annotated[str, typer.Option(metavar="TIME", help="The day of this time is the first.")] = "now-1h",
    end: Annotated[str, typer.Option(metavar="TIME", help="And the day of this the last.")] = "now",
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="So many rows.")] = 20,
    format: Annotated[Format, typer.Option(help="How rows are written; JSON is the whole answer.")] = Format.TABLE,  # noqa: A002 -- the flag's name
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Print what makes the most series, on the days (UTC) of a time range.

    sonde metrics cardinality --by pair --start now-7d
    """
    from sonde.cli.connection import Connection
    from sonde.cli.rows import write_rows

    parameters = {"selector": selector, "start": start, "end": end, "limit": limit}
    found = Connection(server, key, tenant).get("/metrics/cardinality", parameters, timeout_seconds=120)
    if format is Format.JSON:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    name, columns = _LISTS[by]
    write_rows(sys.stdout, format.value, columns, [[row[column] for column in columns] for row in found[name]])
    sys.stdout.flush()
    if format is Format.TABLE:
        days = (
            found["first_day"]
            if found["first_day"] == found["last_day"]
            else (f"{found['first_day']} to {found['last_day']}")
        )
        print(
            f"{days}: {found['series']} series of {found['metrics']} metrics, {found['label_pairs']} label pairs",
            file=sys.stderr,
        )
