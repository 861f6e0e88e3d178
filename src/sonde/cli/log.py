"""Sonde's own log, on stderr: text for people, JSON for collectors, with the field names of the SDK's log lines."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from sonde.cli.rows import printable
from sonde.config.settings import Log

_NAMES = {"WARNING": "warn", "CRITICAL": "fatal"}
# Libraries that tell at INFO what only their authors want to know
_QUIET = ("asyncio", "httpx", "uvicorn.error", "uvicorn.access")


def configure_log(settings: Log) -> None:
    """Send what is logged in this process to stderr."""
    is_text = sys.stderr.isatty() if settings.format == "auto" else settings.format == "text"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


class TextFormatter(logging.Formatter):
    """A line a record: time, level, message; below it the traceback, if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        line = f"{moment:%H:%M:%S} {_level(record):<5} {printable(record.getMessage())}"
        return f"{line}\n{_trace(record)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """An object a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        fields = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": _level(record),
            "service": "sonde",
            "message": record.getMessage(),
            "logger": record.name,
        }
        return json.dumps(fields | ({"exception": _trace(record)} if record.exc_info else {}), ensure_ascii=False)


def _level(record: logging.LogRecord) -> str:
    return _NAMES.get(record.levelname, record.levelname.lower())


def _trace(record: logging.LogRecord) -> str:
    return "".join(traceback.format_exception(*record.exc_info)).rstrip() if record.exc_info else ""
