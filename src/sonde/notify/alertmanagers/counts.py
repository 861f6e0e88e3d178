"""What is counted of Alertmanagers, for ``/metrics``, under the names that Prometheus has for it."""

from __future__ import annotations

import collections
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, Summary

_BY_URL: Final = ["alertmanager"]
_NAME: Final = "prometheus_notifications"

_SENT = Counter(f"{_NAME}_sent", "Total number of alerts sent.", _BY_URL)
_ERRORS = Counter(f"{_NAME}_errors", "Total number of sent alerts affected by errors.", _BY_URL)
_DROPPED = Counter(
    f"{_NAME}_dropped", "Total number of alerts dropped due to errors when sending to Alertmanager.", _BY_URL
)
_QUEUE_LENGTH = Gauge(f"{_NAME}_queue_length", "The number of alert notifications in the queue.", _BY_URL)
_QUEUE_CAPACITY = Gauge(f"{_NAME}_queue_capacity", "The capacity of the alert notifications queue.")
_LATENCY = Summary(f"{_NAME}_latency_seconds", "Latency for sending alert notifications.", _BY_URL)
_LATENCIES = Histogram(
    f"{_NAME}_latency_histogram_seconds",
    "Latency histogram for sending alert notifications.",
    _BY_URL,
    buckets=(0.01, 0.1, 1, 10),
)
_DISCOVERED = Gauge(f"{_NAME}_alertmanagers_discovered", "The number of alertmanagers discovered and active.")
_UNTAKEN = Counter("sonde_notify_alertmanagers_untaken_alerts", "Alerts that not one of the Alertmanagers took")

_ALL: Final = (_SENT, _ERRORS, _DROPPED, _QUEUE_LENGTH, _LATENCY, _LATENCIES)
_users: Final = collections.Counter[str]()
"""How many queues there are for a URL."""


def capacity(alerts: int) -> None:
    """Note how many alerts a queue may have."""
    _QUEUE_CAPACITY.set(alerts)


def untaken() -> None:
    """Count an alert that no Alertmanager took."""
    _UNTAKEN.inc()


class SendCounts:
    """What is counted of one queue. Queues for the same URL are counted as one."""

    def __init__(self, url: str) -> None:
        self._url = url
        _users[url] += 1
        _DISCOVERED.inc()
        self._sent, self._errors = _SENT.labels(url), _ERRORS.labels(url)
        self._dropped, self._queue_length = _DROPPED.labels(url), _QUEUE_LENGTH.labels(url)

    def queued(self, change: int) -> None:
        """Note alerts that have come into the queue, or left it."""
        self._queue_length.inc(change)

    def sent(self, alerts: int, seconds: float) -> None:
        """Count alerts that were taken."""
        self._sent.inc(alerts)
        _LATENCY.labels(self._url).observe(seconds)
        _LATENCIES.labels(self._url).observe(seconds)

    def failed(self, alerts: int) -> None:
        """Count alerts that were sent and not taken."""
        self._errors.inc(alerts)

    def dropped(self, alerts: int) -> None:
        """Count alerts that will not be sent to this Alertmanager any more."""
        self._dropped.inc(alerts)

    def left(self) -> None:
        """The Alertmanager is not there any more."""
        _DISCOVERED.dec()

    def forget(self) -> None:
        """Take it out of what is shown."""
        _users[self._url] -= 1
        if not _users[self._url]:
            del _users[self._url]
            for metric in _ALL:
                metric.remove(self._url)
