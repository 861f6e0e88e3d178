"""``sonde.configure()``: wires the SDK's parts together, once for a process, and ends them in order.

    settings ─► outbox (thread, senders of wire) ─► providers (OpenTelemetry SDK) ─► journal and log capture

Heavy imports are made here, inside the function: ``import sonde`` costs next to nothing.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sonde.errors import UserError
from sonde.sdk.guard import guard
from sonde.sdk.import_hook import when_imported
from sonde.sdk.redact import Pattern, Redactor
from sonde.sdk.settings import Settings, command_line, resolve

if TYPE_CHECKING:
    from sonde.sdk.outbox import Outbox
    from sonde.sdk.providers import Providers

_log = logging.getLogger("sonde.sdk")
_EXIT_SECONDS = 3.0


class Handle:
    """What ``configure`` gives back. Sending needs no help; this is for programs that want to wait for it."""

    def __init__(self, settings: Settings | None, outbox: Outbox | None, providers: Providers | None) -> None:
        self._settings = settings
        self._outbox = outbox
        self._providers = providers
        self._ended = False

    @property
    def service(self) -> str:
        """The name under which this process reports."""
        return self._settings.service if self._settings else ""

    def flush(self, timeout: float = 5.0) -> bool:
        """Send what was recorded so far; True when the server has it within ``timeout`` seconds.

        Blocks the caller, so a coroutine uses ``await asyncio.to_thread(handle.flush)``.
        """
        return self._outbox is not None and self._outbox.flush(timeout)

    def shutdown(self, timeout: float = _EXIT_SECONDS) -> bool:
        """Flush and stop for good, within ``timeout`` seconds; at once when the server is away. Called at exit."""
        if self._ended:
            return True
        self._ended = True
        delivered = False
        with guard("sdk.shutdown"):
            delivered = self._outbox is None or self._outbox.close(timeout)
        atexit.unregister(self.shutdown)
        return delivered

    def rename(self, service: str) -> None:
        """Report as another service from now on; for a name that was a guess."""
        if self._settings and self._settings.service_is_a_guess and self._providers:
            from dataclasses import replace

            from sonde.sdk.logs import journal

            self._settings = replace(self._settings, service=service, service_is_a_guess=False)
            self._providers.add_to_resource({"service.name": service})
            if (target := journal.active()) is not None:
                target.service = service


_active: Handle | None = None
_lock = threading.Lock()


def configure(
    service: str | None = None,
    *,
    endpoint: str | None = None,
    api_key: str | None = None,
    tenant: str | None = None,
    environment: str | None = None,
    version: str | None = None,
    resource: Mapping[str, str] | None = None,
    console: bool | None = None,
    log_level: str | int | None = None,
    capture_content: bool | None = None,
    redact_keys: Iterable[str] = (),
    redact_patterns: Iterable[Pattern] = (),
) -> Handle:
    """Send this process's traces, metrics and logs to Sonde, and print its logs as JSON lines.

        import sonde
        sonde.configure(service="shop")

    Call it once, early. Called again it gives back the first handle. It never raises and never waits for the server:
    what is wrong with the settings stands in the log, and the program goes on without telemetry.

    Args:
        service: name of this service; else SONDE_SERVICE, OTEL_SERVICE_NAME, or a guess from the command line.
        endpoint: where Sonde takes OTLP over HTTP; else SONDE_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT, http://127.0.0.1:4318.
        api_key: sent as bearer token; else SONDE_API_KEY.
        tenant: whose data it is; else SONDE_TENANT.
        environment: deployment.environment.name, such as "production"; else SONDE_ENVIRONMENT.
        version: service.version; else SONDE_VERSION.
        resource: more attributes of the process.
        console: JSON log lines on stdout in place of what handlers would print there (default True; SONDE_CONSOLE).
        log_level: least level of structlog loggers, and of standard logging if the host has set none (SONDE_LOG_LEVEL).
        capture_content: keep prompts and completions of LLM calls (default True; SONDE_CAPTURE_CONTENT).
        redact_keys: more regular expressions for names whose values are secret, matched at their end.
        redact_patterns: more shapes of secrets.
    """
    global _active  # noqa: PLW0603 - a process reports once
    with _lock:
        if _active is None:
            _active = _first(
                redact_keys,
                redact_patterns,
                service=service,
                endpoint=endpoint,
                api_key=api_key,
                tenant=tenant,
                environment=environment,
                version=version,
                resource=resource,
                console=console,
                log_level=log_level,
                capture_content=capture_content,
            )
        elif service is not None and service != _active.service:
            with guard("sdk.configure"):
                _active.rename(service)
        return _active


def _first(redact_keys: Iterable[str], redact_patterns: Iterable[Pattern], **given: Any) -> Handle:
    try:
        settings = resolve(os.environ, command=command_line(), **given)
    except UserError as error:
        _log.error("sonde.configure: %s. No telemetry is sent.", error)
        return Handle(None, None, None)
    with guard("sdk.configure"):
        return _start(settings, Redactor(redact_keys, redact_patterns))
    return Handle(settings, None, None)


def _start(settings: Settings, redactor: Redactor) -> Handle:
    from sonde.sdk.logs import journal, standard

    outbox, providers = _start_sending(settings, redactor) if settings.endpoints else (None, None)
    journal.activate(
        journal.Journal(
            service=settings.service,
            redactor=redactor,
            provider=providers.logs if providers else None,
            console=settings.console,
            level=settings.log_level,
        )
    )
    standard.capture(settings.log_level, outbox.runs_here if outbox else lambda: False)
    when_imported("structlog", _join_structlog)
    when_imported("loguru", _join_loguru)
    handle = Handle(settings, outbox, providers)
    atexit.register(handle.shutdown)
    return handle


def _start_sending(settings: Settings, redactor: Redactor) -> tuple[Outbox, Providers]:
    from sonde.sdk import providers, wire
    from sonde.sdk.outbox import Outbox

    outage = wire.Outage()
    reader = providers.OutboxMetrics()
    outbox = Outbox(
        lambda: wire.make_senders(settings, redactor, outage),
        collect=reader.collect,
        queue_size=settings.queue_size,
        batch_size=settings.batch_size,
        delay_seconds=settings.delay_seconds,
        collect_seconds=settings.metric_interval_seconds,
    )
    return outbox, providers.set_up(settings, outbox, reader)


def _join_structlog() -> None:
    from sonde.sdk.logs import structured

    structured.join()


def _join_loguru() -> None:
    from sonde.sdk.logs import loguru

    loguru.join()


def active() -> Handle | None:
    """The handle of this process, once ``configure`` was called."""
    return _active


def captures_content() -> bool:
    """Whether prompts and completions may be kept."""
    if _active is not None and _active._settings is not None:  # noqa: SLF001 - same module
        return _active._settings.capture_content  # noqa: SLF001
    return os.environ.get("SONDE_CAPTURE_CONTENT", "true").strip().lower() not in {"0", "false", "no", "off"}
