"""The signals of OpenTelemetry, as Sonde's stages name them.

Specification: https://opentelemetry.io/docs/concepts/signals/
"""

from __future__ import annotations

import enum


class Signal(enum.StrEnum):
    """A kind of telemetry. The value is the word used in paths (``/v1/traces``), folders and metrics.

    >>> Signal("logs") is Signal.LOGS
    True
    """

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"
