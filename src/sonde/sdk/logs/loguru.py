"""loguru joins in. Set up when loguru is imported (``import_hook``); hands ``event.LogEvent`` to ``journal``.

Two hooks, because hosts begin with ``logger.remove()``, which takes every sink away: a *patcher*, which survives that,
sends each record to Sonde; a *sink* prints the JSON line in place of loguru's default one, for as long as the host has
not made its own arrangements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loguru import logger

from sonde.sdk.guard import guard
from sonde.sdk.logs import journal
from sonde.sdk.logs.event import LogEvent

if TYPE_CHECKING:
    from loguru import Message, Record

_DEFAULT_SINK = 0


def join() -> None:
    """Send what loguru logs to Sonde, and print it as JSON unless the host prints it itself."""
    theirs = logger._core.patcher  # type: ignore[attr-defined]  # noqa: SLF001 - loguru has no way to ask, and only one place

    def patcher(record: Record) -> None:
        if theirs is not None:
            theirs(record)
        _send(record)

    logger.configure(patcher=patcher)
    target = journal.active()
    if target is not None and target.console:
        try:
            logger.remove(_DEFAULT_SINK)
        except ValueError:
            return  # the host has replaced the default: its output stays as it wants it
        logger.add(_print, format="{message}", catch=True)


def _send(record: Record) -> None:
    target = journal.active()
    if target is not None:
        with guard("sdk.loguru"):
            target.write(_to_event(record), to_console=False)


def _print(message: Message) -> None:
    target = journal.active()
    if target is not None:
        target.write(_to_event(message.record), to_sonde=False)


def _to_event(record: Record) -> LogEvent:
    return LogEvent(
        time_unix_nano=int(record["time"].timestamp() * 1e9),
        level=record["level"].no,
        level_name=record["level"].name,
        message=record["message"],
        logger=record["name"] or "",
        fields=dict(record["extra"]),
        error=record["exception"].value if record["exception"] else None,
    )
