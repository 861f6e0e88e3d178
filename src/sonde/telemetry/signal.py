"""What comes in, as Sonde's stages name it: OpenTelemetry's signals, and metrics as Prometheus sends them.

Specification: https://opentelemetry.io/docs/concepts/signals/
"""

from __future__ import annotations

import enum
from typing import Final


class Signal(enum.StrEnum):
    """A kind of telemetry, and of bodies. The value is the word used in paths (``/v1/traces``), folders and metrics.

    Metrics come in two shapes: ``METRICS`` are OTLP's, ``PROMETHEUS`` are remote write requests of either version.

    >>> Signal("logs") is Signal.LOGS
    True
    """

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"
    PROMETHEUS = "prometheus"


OTEL_SIGNALS: Final = (Signal.TRACES, Signal.LOGS, Signal.METRICS)
"""Those of OpenTelemetry, which OTLP carries and the SDK sends."""
