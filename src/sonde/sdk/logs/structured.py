"""structlog joins in: ready to use when the host leaves it alone, beside the host's own processors when it does not.

Set up when structlog is imported (``import_hook``), because it is a heavy import. Hands ``event.LogEvent`` to
``journal``.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import structlog

from sonde.sdk.guard import guard
from sonde.sdk.logs import journal
from sonde.sdk.logs.event import LogEvent

_configure = structlog.configure


def join() -> None:
    """Configure structlog if nobody has, and keep a place in every configuration that the host makes later."""
    target = journal.active()
    level = target.level if target else logging.INFO
    if not structlog.is_configured():
        _configure(
            processors=[structlog.contextvars.merge_contextvars, _write],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            cache_logger_on_first_use=True,
        )
    else:
        _configure_beside(**structlog.get_config())
    structlog.configure = _configure_beside


def _configure_beside(processors: Iterable[Any] | None = None, *args: Any, **kwargs: Any) -> None:
    """``structlog.configure``, with a look at each event before the host's last processor renders it.

    Loggers that end in standard logging need none: their records are read there.
    """
    chain = None if processors is None else list(processors)
    factory = kwargs.get("logger_factory", args[2] if len(args) > 2 else None)
    if chain and _send not in chain and _write not in chain and not isinstance(factory, structlog.stdlib.LoggerFactory):
        chain.insert(-1, _send)
    _configure(chain, *args, **kwargs)


def _write(_logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    target = journal.active()
    if target is not None:
        with guard("sdk.structlog"):
            target.write(_to_event(method, event))
    raise structlog.DropEvent


def _send(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    target = journal.active()
    if target is not None:
        with guard("sdk.structlog"):
            target.write(_to_event(method, dict(event)), to_console=False)
    return event


def _to_event(method: str, event: MutableMapping[str, Any]) -> LogEvent:
    error = event.pop("exc_info", None)
    level = "error" if method == "exception" else "warning" if method == "warn" else method
    message = event.pop("event", "")
    logger = event.pop("logger_name", None) or event.pop("logger", "")
    for known in ("timestamp", "level"):
        event.pop(known, None)
    return LogEvent(
        time_unix_nano=time.time_ns(),
        level=logging.getLevelNamesMapping().get(level.upper(), logging.INFO),
        level_name=level,
        message=message if isinstance(message, str) else str(message),
        logger=str(logger),
        fields=event,
        error=_exception(error if error is not None else method == "exception"),
    )


def _exception(given: object) -> BaseException | None:
    """What ``exc_info`` stands for: an exception, its triple, or True for the one that is being handled."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if len(given) > 1 and isinstance(given[1], BaseException) else None
    return sys.exception() if given else None
