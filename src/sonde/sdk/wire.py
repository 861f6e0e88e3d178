"""From batches of SDK objects to OTLP over HTTP: redacts, encodes and posts through OpenTelemetry's own exporters.

Driven by ``outbox``, on its thread. An outage is said once (``Outage``), whatever number of batches and signals it
costs; the exporters' own complaints stay on the outbox's thread, whose logs ``logs.standard`` does not pass on.

Specification: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from sonde.sdk.outbox import Sender
from sonde.sdk.redact import Redactor
from sonde.sdk.redact_telemetry import redact_record, redact_span
from sonde.sdk.settings import Settings
from sonde.telemetry.signal import Signal

_log = logging.getLogger("sonde.sdk")
_QUIET_SECONDS = 600.0


class Outage:
    """Knows whether the server answers, and says once when it does not: every ten minutes at most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said_at = -_QUIET_SECONDS
        self.is_active = False

    def failed(self, url: str, reason: str) -> None:
        """The server did not take a request."""
        if not self.is_active and self._clock() - self._said_at >= _QUIET_SECONDS:
            self._said_at = self._clock()
            _log.warning("Sonde does not take telemetry at %s: %s. It is dropped until that is mended.", url, reason)
        self.is_active = True

    def answered(self) -> None:
        """The server took a request."""
        self.is_active = False


class _Session(requests.Session):
    """Tells ``Outage`` about every attempt, also those that the exporters retry."""

    def __init__(self, outage: Outage, url: str) -> None:
        super().__init__()
        self._outage = outage
        self.trust_env = not _is_loopback(url)  # a proxy is never the way to this machine
        self.auth = _keep_headers  # and ~/.netrc never replaces the API key

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            response = super().request(method, url, *args, **kwargs)
        except requests.RequestException as error:
            self._outage.failed(str(url), _reason(error))
            raise
        if response.ok:
            self._outage.answered()
        else:
            hint = "; is SONDE_API_KEY set and right?" if response.status_code in {401, 403} else ""
            self._outage.failed(str(url), f"it answers {response.status_code} {response.reason}{hint}")
        return response


class _Sender:
    """One exporter behind the outbox's protocol."""

    def __init__(self, exporter: Any, success: object, outage: Outage, prepare: Callable[[list[Any]], Any]) -> None:
        self._exporter = exporter
        self._success = success
        self._outage = outage
        self._prepare = prepare

    @property
    def is_failing(self) -> bool:
        return self._outage.is_active

    def send(self, batch: list[object]) -> bool:
        return all(self._exporter.export(part) is self._success for part in self._prepare(batch))

    def abandon(self) -> None:
        self._exporter.shutdown()


def make_senders(settings: Settings, redactor: Redactor, outage: Outage) -> dict[Signal, Sender]:
    """One sender for each signal that is on, each with a connection of its own."""

    def spans(batch: list[ReadableSpan]) -> list[list[ReadableSpan]]:
        return [[redact_span(redactor, span) for span in batch]]

    def records(batch: list[ReadableLogRecord]) -> list[list[ReadableLogRecord]]:
        return [[redact_record(redactor, record) for record in batch]]

    def metrics(batch: list[MetricsData]) -> list[MetricsData]:
        return batch

    table: Mapping[Signal, tuple[Callable[..., Any], object, Callable[[list[Any]], Any]]] = {
        Signal.TRACES: (OTLPSpanExporter, SpanExportResult.SUCCESS, spans),
        Signal.LOGS: (OTLPLogExporter, LogRecordExportResult.SUCCESS, records),
        Signal.METRICS: (OTLPMetricExporter, MetricExportResult.SUCCESS, metrics),
    }
    senders: dict[Signal, Sender] = {}
    for signal, url in settings.endpoints.items():
        exporter, success, prepare = table[signal]
        built = exporter(endpoint=url, headers=dict(settings.headers), session=_Session(outage, url))
        senders[signal] = _Sender(built, success, outage, prepare)
    return senders


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine.

    >>> _is_loopback("http://127.0.0.1:4318/v1/logs"), _is_loopback("http://sonde:4318"), _is_loopback("http://[::1]:4318")
    (True, False, True)
    """
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(error: requests.RequestException) -> str:
    """The plain words inside what requests and urllib3 wrap several times."""
    match error:
        case requests.Timeout():
            return "it does not answer in time"
        case requests.exceptions.SSLError():
            return "the TLS handshake failed"
        case requests.ConnectionError() if "refused" in str(error):
            return "nothing listens there (connection refused)"
        case requests.ConnectionError() if "resolve" in str(error):
            return "its name cannot be resolved"
    return type(error).__name__
