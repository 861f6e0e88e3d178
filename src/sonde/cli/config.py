"""`sonde config show | check`: what Sonde would be told, and by whom."""

from __future__ import annotations

import typer

from sonde.cli import options

group = typer.Typer(help="Show or check the configuration.", no_args_is_help=True)


@group.command("show")
def show(config: options.Config = None) -> None:
    """Print every setting with where it comes from. The output is a configuration file; secrets are masked."""
    from sonde.cli.settings import read_configuration

    print(read_configuration(config).write(), end="")


@group.command("check")
def check(config: options.Config = None) -> None:
    """Exit with 2 and a line for each mistake in the file, the environment, or a file that they name."""
    from sonde.cli.settings import read_configuration
    from sonde.config.files import check_files

    configuration = read_configuration(config)
    check_files(configuration.settings)
    changed = sum(origin != "default" for origin in configuration.origins.values())
    print(f"The configuration is good: {changed} of {len(configuration.origins)} settings differ from their default.")
