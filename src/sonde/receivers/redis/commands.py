"""The replies to the other commands as families: CONFIG GET, SLOWLOG, LATENCY, CLUSTER INFO."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sonde.receivers.collector import Family, Sample, gauge
from sonde.receivers.redis.client import RedisError, Reply
from sonde.telemetry.labels import labels_of

CONFIG = {
    "maxmemory": "redis_config_maxmemory",
    "maxclients": "redis_config_maxclients",
    "io-threads": "redis_config_io_threads",
}
"""Setting: metric. Settings are asked one by one, since all of them together hold passwords."""


def mapping(reply: Reply) -> dict[str, Reply]:
    """A flat list of names and values as a mapping.

    >>> mapping(["maxclients", "10000"])
    {'maxclients': '10000'}

    Raises:
        RedisError: The reply is something else.
    """
    if not isinstance(reply, list) or len(reply) % 2:
        raise RedisError(f"expected names and values, got {type(reply).__name__}")
    return {str(name): content for name, content in zip(reply[::2], reply[1::2], strict=True)}


def config_families(settings: Mapping[str, str]) -> Iterator[Family]:
    """The settings that the exporter tells."""
    for name, metric in CONFIG.items():
        if name in settings:
            yield gauge(metric, f"{metric.removeprefix('redis_')} metric", float(settings[name]))
    words = settings.get("client-output-buffer-limit", "").split()
    limits, seconds = [], []
    for kind, hard, soft, soft_seconds in zip(words[::4], words[1::4], words[2::4], words[3::4], strict=True):
        limits += [({"class": kind, "limit": "hard"}, float(hard)), ({"class": kind, "limit": "soft"}, float(soft))]
        seconds.append(({"class": kind, "limit": "soft"}, float(soft_seconds)))
    yield gauge("redis_config_client_output_buffer_limit_bytes", "The configured buffer limits per class", limits)
    yield gauge(
        "redis_config_client_output_buffer_limit_overcome_seconds",
        "How long for buffer limits per class to be exceeded before replicas are dropped",
        seconds,
    )


def slowlog_families(length: Reply, last: Reply) -> Iterator[Family]:
    """How many slow executions are kept, and the last of them: SLOWLOG LEN and SLOWLOG GET 1."""
    yield gauge("redis_slowlog_length", "Total slowlog", float(_int(length)))
    entry = last[0] if isinstance(last, list) and last else None
    identity, micros = (_int(entry[0]), _int(entry[2])) if isinstance(entry, list) else (0, 0)
    yield gauge("redis_slowlog_last_id", "Last id of slowlog", float(identity))
    took = "The amount of time needed for last slow execution, in seconds"
    yield gauge("redis_last_slow_execution_duration_seconds", took, micros / 1e6)


def latency_families(latest: Reply) -> Iterator[Family]:
    """The spikes of the latency monitor: LATENCY LATEST."""
    events = [event for event in latest if isinstance(event, list)] if isinstance(latest, list) else []
    named = [({"event_name": str(event[0])}, event) for event in events]
    yield gauge(
        "redis_latency_spike_last",
        "When the latency spike last occurred",
        [(labels, float(_int(event[1]))) for labels, event in named],
    )
    yield gauge(
        "redis_latency_spike_duration_seconds",
        "Length of the last latency spike in seconds",
        [(labels, _int(event[2]) / 1e3) for labels, event in named],
    )


def histogram_family(histograms: Reply, totals: Mapping[str, float]) -> Family:
    """The latencies of each command: LATENCY HISTOGRAM, with the sums that INFO tells.

    >>> reply = ["get", ["calls", 3, "histogram_usec", [1, 2, 4, 3]]]
    >>> [(sample.suffix, sample.value) for sample in histogram_family(reply, {"get": 7.0}).samples]
    [('_bucket', 2.0), ('_bucket', 3.0), ('_bucket', 3.0), ('_sum', 7.0), ('_count', 3.0)]
    """
    samples: list[Sample] = []
    for command, content in mapping(histograms).items():
        parts = mapping(content)
        calls, buckets = _int(parts["calls"]), parts["histogram_usec"]
        if command not in totals or not isinstance(buckets, list):
            continue
        for bound, count in zip(buckets[::2], buckets[1::2], strict=True):
            samples.append(Sample(labels_of({"cmd": command, "le": str(bound)}), float(_int(count)), "_bucket"))
        samples.append(Sample(labels_of({"cmd": command, "le": "+Inf"}), float(calls), "_bucket"))
        samples.append(Sample(labels_of({"cmd": command}), totals[command], "_sum"))
        samples.append(Sample(labels_of({"cmd": command}), float(calls), "_count"))
    return Family("redis_commands_latencies_usec", "histogram", "A histogram of latencies per command", samples)


def _int(reply: Reply) -> int:
    if not isinstance(reply, int | str):
        raise RedisError(f"expected a number, got {type(reply).__name__}")
    return int(reply)
