"""The reply to ``INFO ALL`` as families.

Fields: https://redis.io/docs/latest/commands/info/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sonde.receivers.collector import Family, Sample, counter, gauge
from sonde.receivers.redis.fields import COUNTERS, GAUGES, INSTANCE, STATES
from sonde.telemetry.labels import labels_of

Labelled = tuple[dict[str, str], float]


@dataclass(frozen=True, slots=True)
class Info:
    """The fields of a reply by section, and all of them together."""

    sections: Mapping[str, Mapping[str, str]]
    fields: Mapping[str, str]


def parse_info(text: str) -> Info:
    r"""Read a reply.

    >>> parse_info("# Server\r\nrun_id:abc\r\n\r\n# Keyspace\r\ndb0:keys=1,expires=0\r\n").sections["Keyspace"]
    {'db0': 'keys=1,expires=0'}
    """
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = sections.setdefault("", {})
    for line in text.splitlines():
        if line.startswith("# "):
            current = sections.setdefault(line[2:].strip(), {})
        elif ":" in line:
            name, _, content = line.partition(":")
            current[name] = content.strip()
    fields = {name: content for section in sections.values() for name, content in section.items()}
    return Info(sections, fields)


def pairs(text: str) -> dict[str, str]:
    """The pairs of a field with several values.

    >>> pairs("calls=2,usec=31")
    {'calls': '2', 'usec': '31'}
    """
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def info_families(info: Info, *, databases: int, now: float) -> Iterable[Family]:
    """Everything that ``INFO ALL`` tells; so many ``databases`` there may be, and empty ones are told as well."""
    yield from _plain(info)
    yield from _instance(info, now)
    yield from _replication(info)
    yield from _keyspace(info.sections.get("Keyspace", {}), databases)
    yield from _commands(info)
    yield from _sentinel(info.sections.get("Sentinel", {}))
    errors = info.sections.get("Errorstats", {})
    yield counter(
        "redis_errors_total",
        "Total number of errors per error type",
        [({"err": name.removeprefix("errorstat_")}, float(pairs(text)["count"])) for name, text in errors.items()],
    )


def plain_families(fields: Mapping[str, str]) -> Iterator[Family]:
    """The fields that are one number, or one word that stands for one."""
    for name, content in fields.items():
        family, metric = counter, COUNTERS.get(name)
        if metric is None:
            family, metric = gauge, GAUGES.get(name, name if name.startswith("cluster_") else None)
        number = _number(content)
        if metric is not None and number is not None:
            metric = re.sub(r"[^a-zA-Z0-9_]", "_", metric)
            yield family(f"redis_{metric}", f"{metric} metric", number)


def _plain(info: Info) -> Iterator[Family]:
    yield from plain_families(info.fields)
    forked = _number(info.fields.get("latest_fork_usec", ""))
    if forked is not None:
        yield gauge("redis_latest_fork_seconds", "latest_fork_seconds metric", forked / 1e6)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return STATES.get(text)


def _instance(info: Info, now: float) -> Iterator[Family]:
    labels = {label: info.fields.get(field, "") for label, field in INSTANCE.items()}
    labels["redis_mode"] = labels["redis_mode"] or info.fields.get("server_mode", "")
    yield gauge("redis_instance_info", "Information about the Redis instance", [(labels, 1)])
    uptime = _number(info.fields.get("uptime_in_seconds", ""))
    if uptime is not None:
        started = "Start time of the Redis instance since unix epoch in seconds."
        yield gauge("redis_start_time_seconds", started, float(int(now) - uptime))


MASTER_FIELDS = {
    "last_io_seconds_ago": ("redis_master_last_io_seconds_ago", "Master last io seconds ago"),
    "sync_in_progress": ("redis_master_sync_in_progress", "Master sync in progress"),
}
_MASTER = re.compile(r"^(master(?:_\d+)?)_(host|port|link_status|last_io_seconds_ago|sync_in_progress)$")


def _replication(info: Info) -> Iterator[Family]:
    fields = info.sections.get("Replication", {})
    masters: dict[str, dict[str, str]] = {}
    for name, content in fields.items():
        parts = _MASTER.match(name)
        if parts:
            masters.setdefault(parts[1], {})[parts[2]] = content
    link: list[Labelled] = []
    for master in masters.values():
        labels = {"master_host": master.get("host", ""), "master_port": master.get("port", "")}
        if "link_status" in master:
            link.append((labels, float(master["link_status"] == "up")))
        for field, (metric, text) in MASTER_FIELDS.items():
            if field in master:
                yield gauge(metric, text, [(labels, float(master[field]))])
        if "slave_repl_offset" in fields:
            yield gauge(
                "redis_slave_repl_offset", "Slave replication offset", [(labels, float(fields["slave_repl_offset"]))]
            )
    yield gauge("redis_master_link_up", "Master link status on Redis slave", link)
    if info.fields.get("role") == "slave":
        labels = {name: fields.get(name, "") for name in ("master_host", "master_port")}
        labels["read_only"] = fields.get("slave_read_only", "")
        yield gauge("redis_slave_info", "Information about the Redis slave", [(labels, 1)])
    yield from _replicas(fields)


def _replicas(fields: Mapping[str, str]) -> Iterator[Family]:
    replicas = [pairs(content) for name, content in fields.items() if re.match(r"^slave\d+$", name)]
    labelled = [({f"slave_{name}": each.get(name, "") for name in ("ip", "port", "state")}, each) for each in replicas]
    yield gauge(
        "redis_connected_slave_offset_bytes",
        "Offset of connected slave",
        [(labels, float(each["offset"])) for labels, each in labelled],
    )
    yield gauge(
        "redis_connected_slave_lag_seconds",
        "Lag of connected slave",
        [(labels, float(each["lag"])) for labels, each in labelled if "lag" in each],
    )


KEYSPACE = (
    # field, metric, help, what one unit of the field is
    ("keys", "redis_db_keys", "Total number of keys by DB", 1.0),
    ("expires", "redis_db_keys_expiring", "Total number of expiring keys by DB", 1.0),
    ("avg_ttl", "redis_db_avg_ttl_seconds", "Avg TTL in seconds", 0.001),
    ("cached_keys", "redis_db_keys_cached", "Total number of cached keys by DB", 1.0),
    ("subexpiry", "redis_db_keys_with_expiring_items", "Total number of keys with expiring items by DB", 1.0),
    (
        "keys_with_volatile_items",
        "redis_db_keys_with_expiring_items",
        "Total number of keys with expiring items by DB",
        1.0,
    ),
)


def _keyspace(fields: Mapping[str, str], databases: int) -> Iterator[Family]:
    filled = {name: pairs(content) for name, content in fields.items() if name.startswith("db")}
    empty = {"keys": "0", "expires": "0"}
    everyone = {f"db{index}": empty for index in range(databases)} | filled
    for field, metric, text, unit in KEYSPACE:
        rows = [({"db": name}, round(float(each[field]) * unit, 6)) for name, each in everyone.items() if field in each]
        yield gauge(metric, text, rows)


COMMANDS = (
    # field, metric, help, units in one
    ("calls", "commands_total", "Total number of calls per command", 1.0),
    ("usec", "commands_duration_seconds_total", "Total amount of time in seconds spent per command", 1e6),
    (
        "rejected_calls",
        "commands_rejected_calls_total",
        "Total number of errors within command execution per command",
        1.0,
    ),
    ("failed_calls", "commands_failed_calls_total", "Total number of errors prior command execution per command", 1.0),
    ("slowlog_count", "commands_slowlog_total", "Total number of slow calls per command", 1.0),
    (
        "slowlog_time_ms_sum",
        "commands_slowlog_duration_seconds_total",
        "Total amount of time in seconds spent in slow calls per command",
        1e3,
    ),
)


def _commands(info: Info) -> Iterator[Family]:
    stats = {name.removeprefix("cmdstat_"): pairs(text) for name, text in info.sections.get("Commandstats", {}).items()}
    for field, metric, text, units in COMMANDS:
        rows = [({"cmd": command}, float(each[field]) / units) for command, each in stats.items() if field in each]
        yield counter(f"redis_{metric}", text, rows)
    samples: list[Sample] = []
    for name, text in info.sections.get("Latencystats", {}).items():
        command = name.removeprefix("latency_percentiles_usec_")
        if command not in stats:
            continue
        for percentile, latency in pairs(text).items():
            labels = labels_of({"cmd": command, "quantile": percentile.removeprefix("p")})
            samples.append(Sample(labels, float(latency)))
        labels = labels_of({"cmd": command})
        samples.append(Sample(labels, float(stats[command]["usec"]), "_sum"))
        samples.append(Sample(labels, float(stats[command]["calls"]), "_count"))
    text = "A summary of latency percentile distribution per command"
    yield Family("redis_latency_percentiles_usec", "summary", text, samples)


def _sentinel(fields: Mapping[str, str]) -> Iterator[Family]:
    masters = [pairs(content) for name, content in fields.items() if re.match(r"^master\d+$", name)]
    labelled = [({"master_name": each["name"], "master_address": each["address"]}, each) for each in masters]
    yield gauge(
        "redis_sentinel_master_status",
        "Master status on Sentinel",
        [(labels | {"master_status": each["status"]}, float(each["status"] == "ok")) for labels, each in labelled],
    )
    yield gauge(
        "redis_sentinel_master_slaves",
        "The number of slaves of the master",
        [(labels, float(each["slaves"])) for labels, each in labelled],
    )
    yield gauge(
        "redis_sentinel_master_sentinels",
        "The number of sentinels monitoring this master",
        [(labels, float(each["sentinels"])) for labels, each in labelled],
    )
