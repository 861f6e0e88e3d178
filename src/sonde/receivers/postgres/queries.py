"""What is asked of the server as a whole: databases, connections, locks, writing, replication.

The views: https://www.postgresql.org/docs/current/monitoring-stats.html
"""

from __future__ import annotations

from typing import Final

from sonde.receivers.postgres.read import Metric, Query, counters, gauges
from sonde.receivers.postgres.tables import STATEMENTS, TABLES

_DATABASE = Query(
    "database",
    """
    SELECT datname, datconnlimit AS connection_limit,
           CASE WHEN has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER')
                THEN pg_database_size(oid) END::float8 AS size_bytes
    FROM pg_database
    """,
    (
        Metric("size_bytes", "pg_database_size_bytes", "gauge", "Disk space used by the database", skip_null=True),
        Metric("connection_limit", "pg_database_connection_limit", "gauge", "Connection limit set for the database"),
    ),
    labels=("datname",),
)

_STAT_DATABASE_COLUMNS: Final = {
    "xact_commit": "Number of transactions in this database that have been committed",
    "xact_rollback": "Number of transactions in this database that have been rolled back",
    "blks_read": "Number of disk blocks read in this database",
    "blks_hit": "Number of times disk blocks were found already in the buffer cache",
    "tup_returned": "Number of rows returned by queries in this database",
    "tup_fetched": "Number of rows fetched by queries in this database",
    "tup_inserted": "Number of rows inserted by queries in this database",
    "tup_updated": "Number of rows updated by queries in this database",
    "tup_deleted": "Number of rows deleted by queries in this database",
    "conflicts": "Number of queries canceled due to conflicts with recovery in this database",
    "temp_files": "Number of temporary files created by queries in this database",
    "temp_bytes": "Total amount of data written to temporary files by queries in this database",
    "deadlocks": "Number of deadlocks detected in this database",
    "blk_read_time": "Time spent reading data file blocks by backends in this database, in milliseconds",
    "blk_write_time": "Time spent writing data file blocks by backends in this database, in milliseconds",
    "stats_reset": "Time at which these statistics were last reset",
}

_STAT_DATABASE_SQL = """
    SELECT datid::text AS datid, datname, numbackends, xact_commit, xact_rollback, blks_read, blks_hit, tup_returned,
           tup_fetched, tup_inserted, tup_updated, tup_deleted, conflicts, temp_files, temp_bytes, deadlocks,
           blk_read_time, blk_write_time, extract(epoch FROM stats_reset)::float8 AS stats_reset
    FROM pg_stat_database
    WHERE datname IS NOT NULL
    """
_STAT_DATABASE = Query(
    "stat_database",
    _STAT_DATABASE_SQL,
    (
        *gauges("pg_stat_database", {"numbackends": "Number of backends currently connected to this database"}),
        *counters("pg_stat_database", _STAT_DATABASE_COLUMNS),
    ),
    labels=("datid", "datname"),
)
_ACTIVE_TIME = Query(
    "stat_database",
    """
    SELECT datid::text AS datid, datname, active_time / 1000.0::float8 AS active_seconds
    FROM pg_stat_database
    WHERE datname IS NOT NULL
    """,
    (
        Metric(
            "active_seconds",
            "pg_stat_database_active_time_seconds_total",
            "counter",
            "Time spent executing SQL statements in this database, in seconds",
        ),
    ),
    labels=("datid", "datname"),
    since=14,
)
_CONFLICTS = Query(
    "stat_database_conflicts",
    """
    SELECT datid::text AS datid, datname, confl_tablespace, confl_lock, confl_snapshot, confl_bufferpin, confl_deadlock
    FROM pg_stat_database_conflicts
    """,
    counters(
        "pg_stat_database_conflicts",
        {
            "confl_tablespace": "Number of queries in this database canceled due to dropped tablespaces",
            "confl_lock": "Number of queries in this database canceled due to lock timeouts",
            "confl_snapshot": "Number of queries in this database canceled due to old snapshots",
            "confl_bufferpin": "Number of queries in this database canceled due to pinned buffers",
            "confl_deadlock": "Number of queries in this database canceled due to deadlocks",
        },
    ),
    labels=("datid", "datname"),
)

_ACTIVITY = Query(
    "stat_activity",
    """
    SELECT known.datname, known.state, seen.usename, seen.application_name, seen.backend_type, seen.wait_event_type,
           seen.wait_event, coalesce(seen.count, 0) AS count, coalesce(seen.max_tx_duration, 0) AS max_tx_duration
    FROM (
        SELECT datname, state
        FROM pg_database,
             unnest(ARRAY['active', 'idle', 'idle in transaction', 'idle in transaction (aborted)',
                          'fastpath function call', 'disabled']) AS state
    ) AS known
    LEFT JOIN (
        SELECT datname, state, usename, application_name, backend_type, wait_event_type, wait_event,
               count(*) AS count, max(extract(epoch FROM now() - xact_start))::float8 AS max_tx_duration
        FROM pg_stat_activity
        WHERE pid <> pg_backend_pid()
        GROUP BY datname, state, usename, application_name, backend_type, wait_event_type, wait_event
    ) AS seen ON seen.datname = known.datname AND seen.state = known.state
    """,
    gauges(
        "pg_stat_activity",
        {
            "count": "number of connections in this state",
            "max_tx_duration": "max duration in seconds any active transaction has been running",
        },
    ),
    labels=("datname", "state", "usename", "application_name", "backend_type", "wait_event_type", "wait_event"),
)

_LOCKS = Query(
    "locks",
    """
    SELECT known.datname, known.mode, coalesce(seen.count, 0) AS count
    FROM (
        SELECT oid, datname, mode
        FROM pg_database,
             unnest(ARRAY['accesssharelock', 'rowsharelock', 'rowexclusivelock', 'shareupdateexclusivelock',
                          'sharelock', 'sharerowexclusivelock', 'exclusivelock', 'accessexclusivelock',
                          'sireadlock']) AS mode
    ) AS known
    LEFT JOIN (
        SELECT database, lower(mode) AS mode, count(*) AS count
        FROM pg_locks
        WHERE database IS NOT NULL
        GROUP BY database, lower(mode)
    ) AS seen ON seen.database = known.oid AND seen.mode = known.mode
    """,
    gauges("pg_locks", {"count": "Number of locks"}),
    labels=("datname", "mode"),
)

_ROLES = Query(
    "roles",
    "SELECT rolname, rolconnlimit AS connection_limit FROM pg_roles",
    gauges("pg_roles", {"connection_limit": "Connection limit set for the role"}),
    labels=("rolname",),
)

_BGWRITER_COLUMNS: Final = {
    "buffers_clean": "Number of buffers written by the background writer",
    "maxwritten_clean": "Number of times the background writer stopped a cleaning scan",
    "buffers_alloc": "Number of buffers allocated",
    "stats_reset": "Time at which these statistics were last reset",
}
_BGWRITER = Query(
    "stat_bgwriter",
    """
    SELECT buffers_clean, maxwritten_clean, buffers_alloc, extract(epoch FROM stats_reset)::float8 AS stats_reset
    FROM pg_stat_bgwriter
    """,
    counters("pg_stat_bgwriter", _BGWRITER_COLUMNS, suffix="_total"),
)
_BGWRITER_CHECKPOINTS = Query(
    "stat_bgwriter",
    """
    SELECT checkpoints_timed, checkpoints_req, checkpoint_write_time, checkpoint_sync_time, buffers_checkpoint,
           buffers_backend, buffers_backend_fsync
    FROM pg_stat_bgwriter
    """,
    counters(
        "pg_stat_bgwriter",
        {
            "checkpoints_timed": "Number of scheduled checkpoints that have been performed",
            "checkpoints_req": "Number of requested checkpoints that have been performed",
            "checkpoint_write_time": "Time spent writing files to disk in checkpoints, in milliseconds",
            "checkpoint_sync_time": "Time spent synchronizing files to disk in checkpoints, in milliseconds",
            "buffers_checkpoint": "Number of buffers written during checkpoints",
            "buffers_backend": "Number of buffers written directly by a backend",
            "buffers_backend_fsync": "Number of times a backend had to execute its own fsync call",
        },
        suffix="_total",
    ),
    until=16,
)
_CHECKPOINTER = Query(
    "stat_checkpointer",
    """
    SELECT num_timed, num_requested, restartpoints_timed, restartpoints_req, restartpoints_done, write_time, sync_time,
           buffers_written, extract(epoch FROM stats_reset)::float8 AS stats_reset
    FROM pg_stat_checkpointer
    """,
    counters(
        "pg_stat_checkpointer",
        {
            "num_timed": "Number of scheduled checkpoints due to timeout",
            "num_requested": "Number of requested checkpoints that have been performed",
            "restartpoints_timed": "Number of scheduled restartpoints due to timeout or after a failed attempt",
            "restartpoints_req": "Number of requested restartpoints",
            "restartpoints_done": "Number of restartpoints that have been performed",
            "write_time": "Time spent writing files to disk in checkpoints and restartpoints, in milliseconds",
            "sync_time": "Time spent synchronizing files to disk in checkpoints and restartpoints, in milliseconds",
            "buffers_written": "Number of buffers written during checkpoints and restartpoints",
            "stats_reset": "Time at which these statistics were last reset",
        },
        suffix="_total",
    ),
    since=17,
)
_ARCHIVER = Query(
    "stat_archiver",
    """
    SELECT archived_count, failed_count,
           coalesce(extract(epoch FROM now() - last_archived_time), 0)::float8 AS last_archive_age
    FROM pg_stat_archiver
    """,
    (
        *counters(
            "pg_stat_archiver",
            {
                "archived_count": "Number of WAL files that have been successfully archived",
                "failed_count": "Number of failed attempts for archiving WAL files",
            },
        ),
        *gauges(
            "pg_stat_archiver",
            {"last_archive_age": "Time in seconds since last WAL segment was successfully archived"},
        ),
    ),
)
_WAL = Query(
    "wal",
    "SELECT count(*) AS segments, coalesce(sum(size), 0)::float8 AS size_bytes FROM pg_ls_waldir() "
    "WHERE name ~ '^[0-9A-F]{24}$'",
    gauges("pg_wal", {"segments": "Number of WAL segments", "size_bytes": "Total size of WAL segments"}),
)
_POSTMASTER = Query(
    "postmaster",
    "SELECT extract(epoch FROM pg_postmaster_start_time())::float8 AS start_time_seconds",
    gauges("pg_postmaster", {"start_time_seconds": "Time at which postmaster started"}),
)

_REPLICATION = Query(
    "replication",
    """
    SELECT CASE
               WHEN NOT pg_is_in_recovery() THEN 0
               WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
               ELSE greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp()))
           END::float8 AS lag_seconds,
           pg_is_in_recovery()::int AS is_replica,
           greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp()))::float8 AS last_replay_seconds
    """,
    gauges(
        "pg_replication",
        {
            "lag_seconds": "Replication lag behind master in seconds",
            "is_replica": "Indicates if the server is a replica",
            "last_replay_seconds": "Age of last transaction replay in seconds",
        },
    ),
)
_OWN_LSN = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END"
_REPLICAS = Query(
    "stat_replication",
    f"""
    SELECT application_name, host(client_addr) AS client_addr, state, slot_name,
           ({_OWN_LSN} - '0/0')::float8 AS pg_current_wal_lsn_bytes,
           pg_wal_lsn_diff({_OWN_LSN}, replay_lsn)::float8 AS pg_wal_lsn_diff
    FROM pg_stat_replication
    LEFT JOIN pg_replication_slots ON active_pid = pid
    """,  # noqa: S608 - put together from what stands above
    gauges(
        "pg_stat_replication",
        {
            "pg_current_wal_lsn_bytes": "WAL position in bytes",
            "pg_wal_lsn_diff": "Lag in bytes between master and slave",
        },
    ),
    labels=("application_name", "client_addr", "state", "slot_name"),
)
_SLOTS = Query(
    "replication_slot",
    f"""
    SELECT slot_name, slot_type, database, active::int AS active,
           ({_OWN_LSN} - '0/0')::float8 AS current_lsn,
           CASE WHEN active THEN (coalesce(confirmed_flush_lsn, '0/0') - '0/0')::float8 END AS confirmed_flush_lsn
    FROM pg_replication_slots
    """,  # noqa: S608 - put together from what stands above
    (
        Metric("current_lsn", "pg_replication_slot_slot_current_wal_lsn", "gauge", "current wal lsn value"),
        Metric(
            "confirmed_flush_lsn",
            "pg_replication_slot_slot_confirmed_flush_lsn",
            "gauge",
            "last lsn confirmed flushed to the replication slot",
            skip_null=True,
        ),
        Metric(
            "active", "pg_replication_slot_slot_is_active", "gauge", "whether the replication slot is active or not"
        ),
    ),
    labels=("slot_name", "slot_type"),
)
_SLOT_SAFETY = Query(
    "replication_slot",
    "SELECT slot_name, slot_type, safe_wal_size::float8 AS safe FROM pg_replication_slots",
    (
        Metric(
            "safe",
            "pg_replication_slot_safe_wal_size_bytes",
            "gauge",
            "number of bytes that can be written to WAL such that this slot is not in danger of getting in state lost",
            skip_null=True,
        ),
    ),
    labels=("slot_name", "slot_type"),
    since=13,
)
_SLOT_STATUS = Query(
    "replication_slot",
    "SELECT slot_name, slot_type, wal_status, 1 AS one FROM pg_replication_slots WHERE wal_status IS NOT NULL",
    (Metric("one", "pg_replication_slot_wal_status", "gauge", "availability of WAL files claimed by this slot"),),
    labels=("slot_name", "slot_type", "wal_status"),
    since=13,
)
_SLOTS_LAG = Query(
    "replication_slots",
    f"""
    SELECT slot_name, database, active::int AS active,
           pg_wal_lsn_diff({_OWN_LSN}, restart_lsn)::float8 AS pg_wal_lsn_diff
    FROM pg_replication_slots
    """,  # noqa: S608 - put together from what stands above
    gauges(
        "pg_replication_slots",
        {
            "active": "Flag indicating if the slot is active",
            "pg_wal_lsn_diff": "Replication lag in bytes",
        },
    ),
    labels=("slot_name", "database"),
)

QUERIES: Final = (
    *(_DATABASE, _STAT_DATABASE, _ACTIVE_TIME, _CONFLICTS, _ACTIVITY, _LOCKS, _ROLES),
    *(_BGWRITER, _BGWRITER_CHECKPOINTS, _CHECKPOINTER, _ARCHIVER, _WAL, _POSTMASTER),
    *(_REPLICATION, _REPLICAS, _SLOTS, _SLOT_SAFETY, _SLOT_STATUS, _SLOTS_LAG),
    *TABLES,
    *STATEMENTS,
)
"""Every query; those of one collector succeed or fail together."""
