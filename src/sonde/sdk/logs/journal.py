"""Writes log events: redacts them, adds context and trace ids, prints the JSON line, emits the OTLP log record.

``configure`` makes the journal of the process; ``standard``, ``structured`` and ``loguru`` find it with ``active()``.
"""

from __future__ import annotations

import sys
import threading
import traceback

from opentelemetry import trace
from opentelemetry._logs import Logger, LoggerProvider, LogRecord, SeverityNumber

from sonde.sdk.context import current
from sonde.sdk.guard import guard
from sonde.sdk.logs.event import LogEvent, plain, severity, to_line
from sonde.sdk.redact import Redactor


class Journal:
    """The one place where log events end.

    Args:
        service: the service's name on every line.
        redactor: hides secrets before anything is printed or sent.
        provider: where OTLP log records go; None sends nothing.
        console: whether JSON lines go to stdout.
        level: least level that structlog loggers of ours pass on.
    """

    def __init__(
        self, *, service: str, redactor: Redactor, provider: LoggerProvider | None, console: bool, level: int
    ) -> None:
        self.service = service
        self.console = console
        self.level = level
        self._redactor = redactor
        self._provider = provider
        self._loggers: dict[str, Logger] = {}
        self._inside = threading.local()

    def write(self, event: LogEvent, *, to_console: bool = True, to_sonde: bool = True) -> None:
        """Print and send one event. What is logged while doing so, on the same thread, is not followed."""
        if getattr(self._inside, "busy", False):
            return
        self._inside.busy = True
        try:
            with guard("sdk.log"):
                self._write(event, to_console=to_console and self.console, to_sonde=to_sonde)
        finally:
            self._inside.busy = False

    def _write(self, event: LogEvent, *, to_console: bool, to_sonde: bool) -> None:
        raw = {**current(), **event.fields}
        fields = self._redactor.mapping({key: plain(value) for key, value in raw.items()})
        message = self._redactor.text(event.message)
        error = self._redactor.text("".join(traceback.format_exception(event.error))) if event.error else ""
        if to_console:
            context = trace.get_current_span().get_span_context()
            ids = (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else None
            line = to_line(event, service=self.service, ids=ids, fields=fields, message=message, error=error)
            sys.stdout.write(line + "\n")  # one write, so that lines of several threads stay whole
            sys.stdout.flush()
        if to_sonde and self._provider is not None:
            attributes = {key: value for key, value in fields.items() if value is not None}
            if event.error is not None:
                kind = type(event.error)
                attributes["exception.type"] = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
                attributes["exception.message"] = self._redactor.text(str(event.error))
                attributes["exception.stacktrace"] = error
            self._logger(self._provider, event.logger).emit(
                LogRecord(
                    timestamp=event.time_unix_nano,
                    severity_number=SeverityNumber(severity(event.level)[1]),
                    severity_text=event.level_name.upper(),
                    body=message,
                    attributes=attributes,  # type: ignore[arg-type] # plain() has made them JSON values
                )
            )

    def _logger(self, provider: LoggerProvider, name: str) -> Logger:
        logger = self._loggers.get(name)
        if logger is None:
            logger = self._loggers[name] = provider.get_logger(name or "sonde")
        return logger


_active: Journal | None = None


def active() -> Journal | None:
    """The journal of this process, once ``configure`` was called."""
    return _active


def activate(journal: Journal | None) -> None:
    """Make it the journal of this process."""
    global _active  # noqa: PLW0603 - one process has one stdout
    _active = journal
