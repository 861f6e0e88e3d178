"""Where each signal's segments go: the landing table, and the message that ClickHouse's protobuf reader expects."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources

from sonde.telemetry.signal import Signal

LANDING_TABLES: Mapping[Signal, str] = {
    Signal.TRACES: "traces_in",
    Signal.LOGS: "logs_in",
    Signal.METRICS: "metrics_in",
    Signal.PROMETHEUS: "prometheus_in",
}

SEGMENT_BYTES: Mapping[Signal, int] = {Signal.PROMETHEUS: 16 << 20}
"""The largest segments of signals whose bytes become more rows than others': references to symbols, spelled out."""


@functools.cache
def input_settings(signal: Signal) -> dict[str, str]:
    """The settings with which a segment of this signal is read."""
    return {
        "format_schema_source": "string",
        "format_schema": _message(signal),
        "format_schema_message_name": "Frame",
        "input_format_protobuf_oneof_presence": "1",
    }


def _message(signal: Signal) -> str:
    folder = resources.files("sonde.store") / "proto"
    texts = [(folder / f"{name}.proto").read_text(encoding="utf-8") for name in ("common", signal.value)]
    return "\n".join(['syntax = "proto3";', *texts])
