"""`sonde llm prices`: what a model costs, on which day, and by whose price list."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from sonde.cli import options
from sonde.cli.format import Format

group = typer.Typer(help="LLM prices.", no_args_is_help=True)


@group.command("prices")
def prices(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="A model, as in its calls; without it, all of them.")
    ] = "",
    provider: Annotated[str, typer.Option(metavar="NAME", help="Only of this provider.", show_default=False)] = "",
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="As of this day.", show_default="today"),
    ] = None,
    format: Annotated[Format, typer.Option(help="How rows are written.")] = Format.TABLE,  # noqa: A002 -- the flag's name
    config: options.Config = None,
) -> None:
    """Print what a million tokens cost.

    Your own prices go before the price list.

    sonde llm prices gpt-4o-mini --at 2025-01-01
    """
    from sonde.cli.rows import write_rows
    from sonde.cli.settings import read_settings
    from sonde.config.prices import prices as prices_in_force
    from sonde.llm.price_list import describe_prices

    moment = at.replace(tzinfo=UTC) if at else None
    listed = describe_prices(
        prices_in_force(read_settings(config)), model or None, provider=provider or None, at=moment
    )
    names = ["provider", "model", "service_tier", "bucket", "above_input_tokens", "usd_per_million", "source"]
    write_rows(sys.stdout, format.value, names, [[getattr(line, name) for name in names] for line in listed])
