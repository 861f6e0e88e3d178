"""Sets the OpenTelemetry SDK up so that all three signals end in the ``outbox``, and keeps the resource right after a
fork.

A host that has SDK providers already keeps them: ours joins in as one more processor or reader.
"""

from __future__ import annotations

import copy
import os
import platform
import socket
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from sonde.sdk.context import SPAN_NAMES, current
from sonde.sdk.guard import guard
from sonde.sdk.outbox import Outbox
from sonde.sdk.settings import Settings
from sonde.telemetry.signal import Signal

_ITEM_BYTES = 400  # what an item costs besides its texts, roughly


class SteadyResource(Resource):
    """A resource that hashes itself once. The encoders hash it for every span and record, through JSON."""

    def __init__(self, attributes: Mapping[str, Any], schema_url: str | None = None) -> None:
        super().__init__(attributes, schema_url)
        self._hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = super().__hash__()
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    def merge(self, other: Resource) -> SteadyResource:
        """Both together, ``other`` winning; steady again."""
        merged = super().merge(other)
        return SteadyResource(merged.attributes or {}, merged.schema_url)


class OutboxSpans(SpanProcessor):
    """Stamps what ``context`` has bound on a span that starts, and puts a span that ended into the outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        """Stamp it."""
        bound = current()
        if bound:
            with guard("sdk.span_start"):
                said = span.attributes or {}
                for bound_name, value in bound.items():
                    name = SPAN_NAMES.get(bound_name, bound_name)
                    if name not in said:
                        span.set_attribute(name, value if isinstance(value, str | int | float) else str(value))

    def on_end(self, span: ReadableSpan) -> None:
        """Queue it, if it is sampled."""
        with guard("sdk.span_end"):
            if span.context is not None and span.context.trace_flags.sampled:
                self._outbox.put(Signal.TRACES, span, _ITEM_BYTES + _text_length(span.attributes))


def _text_length(attributes: Any) -> int:
    plain = attributes.copy() if attributes else {}  # a dict, far quicker to walk than the SDK's mapping
    return sum([len(value) for value in plain.values() if type(value) is str])


class OutboxRecords(LogRecordProcessor):
    """Puts log records into the outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queue it."""
        with guard("sdk.log_record"):
            record = copy.copy(log_record.log_record)
            record.context = Context()  # or the whole context would live as long as the record waits
            body = record.body
            self._outbox.put(
                Signal.LOGS,
                ReadableLogRecord(
                    record,
                    log_record.resource or Resource.get_empty(),
                    log_record.instrumentation_scope,
                    log_record.limits,
                ),
                _ITEM_BYTES + (len(body) if isinstance(body, str) else 0),
            )

    def shutdown(self) -> None:
        """Nothing of its own to end; ``configure`` closes the outbox."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits."""
        return self._outbox.flush(timeout_millis / 1000)


class OutboxMetrics(MetricReader):
    """Collects into the outbox when its thread says so; temporality as ``OTEL_EXPORTER_OTLP_METRICS_...`` prefers."""

    def __init__(self) -> None:
        exporter = OTLPMetricExporter()
        super().__init__(
            preferred_temporality=exporter._preferred_temporality,  # noqa: SLF001 - as the SDK's own reader does
            preferred_aggregation=exporter._preferred_aggregation,  # noqa: SLF001
        )
        exporter.shutdown()
        self._outbox: Outbox | None = None

    def deliver_to(self, outbox: Outbox) -> None:
        """Where collected metrics go; the outbox needs this reader to be made first."""
        self._outbox = outbox

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:  # noqa: ARG002
        if self._outbox is not None:
            self._outbox.put(Signal.METRICS, metrics_data, _ITEM_BYTES)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Nothing of its own to end."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Providers:
    """The three SDK providers that are in use, ours or the host's."""

    traces: TracerProvider
    metrics: MeterProvider
    logs: LoggerProvider

    def add_to_resource(self, attributes: Mapping[str, Any]) -> None:
        """Change what the process says about itself from now on."""
        for provider in (self.traces, self.metrics, self.logs):
            provider._update_resource(Resource(attributes))  # noqa: SLF001 - as the SDK does after a fork


def describe_process(settings: Settings) -> SteadyResource:
    """The resource: service, version and environment as configured, an instance id by the SDK, process and host."""
    basics: dict[str, str | int] = {
        "host.name": socket.gethostname(),
        "os.type": platform.system().lower(),
        "process.pid": os.getpid(),
        "process.runtime.name": platform.python_implementation().lower(),
        "process.runtime.version": platform.python_version(),
        "telemetry.distro.name": "sonde",
    }
    with suppress(PackageNotFoundError):  # run from its source, Sonde has no version
        basics["telemetry.distro.version"] = version("sonde")
    created = Resource.create({**basics, **settings.resource, "service.name": settings.service})
    return SteadyResource(created.attributes or {}, created.schema_url)


def set_up(settings: Settings, outbox: Outbox, reader: OutboxMetrics) -> Providers:
    """Register providers that feed the outbox, or join those that the host has registered before."""
    resource = describe_process(settings)
    reader.deliver_to(outbox)
    providers = Providers(
        traces=_join_traces(resource, OutboxSpans(outbox)),
        metrics=_join_metrics(resource, reader),
        logs=_join_logs(resource, OutboxRecords(outbox)),
    )
    reference = weakref.ref(providers)

    def after_fork() -> None:
        if (living := reference()) is not None:
            with guard("sdk.fork"):
                living.add_to_resource({"process.pid": os.getpid()})

    os.register_at_fork(after_in_child=after_fork)
    return providers


def _join_traces(resource: Resource, processor: SpanProcessor) -> TracerProvider:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
    provider.add_span_processor(processor)
    return provider


def _join_metrics(resource: Resource, reader: MetricReader) -> MeterProvider:
    provider = metrics.get_meter_provider()
    if isinstance(provider, MeterProvider):
        provider.add_metric_reader(reader)
        return provider
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    return provider


def _join_logs(resource: Resource, processor: LogRecordProcessor) -> LoggerProvider:
    provider = _logs.get_logger_provider()
    if not isinstance(provider, LoggerProvider):
        provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        _logs.set_logger_provider(provider)
    provider.add_log_record_processor(processor)
    return provider
