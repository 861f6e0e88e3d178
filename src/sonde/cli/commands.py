"""The table of commands."""

from __future__ import annotations

from collections.abc import Callable

import typer

from sonde.cli import (
    alerts,
    config,
    demo,
    digest,
    doctor,
    imports,
    keys,
    llm,
    metrics,
    query,
    rules,
    run,
    serve,
    silence,
    slo,
    tail,
    version,
)

COMMANDS: dict[str, Callable[..., None]] = {
    "serve": serve.serve,
    "demo": demo.demo,
    "tail": tail.tail,
    "doctor": doctor.doctor,
    "version": version.version,
}
GROUPS = {
    "query": query.group,
    "alerts": alerts.group,
    "silence": silence.group,
    "rules": rules.group,
    "slo": slo.group,
    "digest": digest.group,
    "import": imports.group,
    "keys": keys.group,
    "llm": llm.group,
    "metrics": metrics.group,
    "config": config.group,
}

app = typer.Typer(
    help="Observability in one process: metrics, logs, traces and LLM calls.",
    epilog="Settings: sonde config show. Something does not work: sonde doctor.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, command in COMMANDS.items():
    app.command(name)(command)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)
# Listed for --help; `main` takes `sonde run` before Typer is loaded, for services that have the light installation.
app.command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(run.run)
