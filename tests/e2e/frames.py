"""Frames as the log writes them, for segments that a test makes by hand."""

from __future__ import annotations

import time

from sonde.store.frame import tail, varint


def framed(body: bytes, tenant: str = "default") -> bytes:
    end = tail(body, tenant, time.time_ns())
    return varint(len(body) + len(end)) + body + end
