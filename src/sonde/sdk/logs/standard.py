"""Records of the standard library's ``logging`` join in, whatever handlers and ``propagate`` flags the host has set.

Every record of every logger passes ``Logger.callHandlers``, so that is where they are read: uvicorn's loggers, which do
not propagate, come along too. With JSON lines on, handlers that print to stdout or stderr stay silent, or each record
would stand there twice; handlers to files and elsewhere go on as before. Hands ``event.LogEvent`` to ``journal``.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping

from sonde.sdk.guard import guard
from sonde.sdk.logs import journal
from sonde.sdk.logs.event import LogEvent

_OWN = "sonde.sdk"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_original = logging.Logger.callHandlers
_is_ours: Callable[[], bool] = lambda: False  # noqa: E731


def capture(level: int, is_ours: Callable[[], bool]) -> None:
    """Start reading all records. ``is_ours`` says whether the caller is the thread that sends telemetry.

    A root logger that was left at its default passes on records from ``level`` on; one that the host has set is left
    alone.
    """
    global _is_ours  # noqa: PLW0603 - one process has one logging tree
    _is_ours = is_ours
    if logging.root.level == logging.WARNING:
        logging.root.setLevel(level)
    logging.Logger.callHandlers = _call_handlers  # type: ignore[method-assign, assignment]


def release() -> None:
    """Stop reading records."""
    if logging.Logger.callHandlers is _call_handlers:
        logging.Logger.callHandlers = _original  # type: ignore[method-assign]


def _call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
    target = journal.active()
    if _is_ours() and not record.name.startswith(_OWN):
        return  # what HTTP clients and exporters say about our own sending is nobody's news, and would feed itself
    if target is None or not target.console:
        _original(logger, record)
    else:
        _call_quietly(logger, record)
    if target is not None:
        with guard("sdk.logging"):
            target.write(_to_event(record))


def _call_quietly(logger: logging.Logger, record: logging.LogRecord) -> None:
    """What ``Logger.callHandlers`` does, without the handlers that print to the console and without ``lastResort``."""
    current: logging.Logger | None = logger
    while current is not None:
        for handler in current.handlers:
            if record.levelno >= handler.level and not _prints(handler):
                handler.handle(record)
        current = current.parent if current.propagate else None


def _prints(handler: logging.Handler) -> bool:
    if not isinstance(handler, logging.StreamHandler):
        return False
    flask = sys.modules.get("flask.logging")  # its stream is a proxy for whatever the server's stderr is
    return any(handler.stream is console for console in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)) or (
        flask is not None and handler is flask.default_handler
    )


def _to_event(record: logging.LogRecord) -> LogEvent:
    fields: dict[str, object] = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    message = record.msg
    if not record.args and (said := _as_mapping(message)) is not None:
        fields = {**said, **fields}
        message = next((fields.pop(key) for key in ("event", "message", "msg") if key in fields), "")
        for known in ("timestamp", "level", "logger", "service", "trace_id", "span_id"):
            fields.pop(known, None)
    else:
        message = record.getMessage()
    error = record.exc_info[1] if record.exc_info else None
    if record.stack_info:
        fields["stack"] = record.stack_info
    return LogEvent(
        time_unix_nano=int(record.created * 1e9),
        level=record.levelno,
        level_name=record.levelname,
        message=(message if isinstance(message, str) else str(message)).rstrip("\n"),
        logger=record.name,
        fields=fields,
        error=error,
    )


def _as_mapping(message: object) -> Mapping[str, object] | None:
    """A message that is structured already: structlog's dict for a formatter, or a JSON object rendered before."""
    if isinstance(message, Mapping):
        return message
    if isinstance(message, str) and message.startswith('{"') and message.endswith("}"):
        try:
            said = json.loads(message)
        except ValueError:
            return None
        return said if isinstance(said, dict) else None
    return None
