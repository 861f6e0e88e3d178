"""Where the buckets of the demo's histograms end.

OpenTelemetry's own are made for milliseconds: all requests would be in the first.
"""

from __future__ import annotations

from typing import Final

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Prometheus clients' usual ones, so that a dashboard for them shows something."""
