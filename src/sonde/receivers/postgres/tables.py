"""What is asked of the database that the connection is to: its tables, and the statements that took most time."""

from __future__ import annotations

from typing import Final

from sonde.receivers.postgres.read import NEWEST, Query, counters, gauges

_LABELS: Final = ("datname", "schemaname", "relname")

TABLES: Final = (
    Query(
        "stat_user_tables",
        """
        SELECT current_database() AS datname, schemaname, relname, seq_scan, seq_tup_read, idx_scan, idx_tup_fetch,
               n_tup_ins, n_tup_upd, n_tup_del, n_tup_hot_upd, n_live_tup, n_dead_tup, n_mod_since_analyze,
               extract(epoch FROM last_vacuum)::float8 AS last_vacuum,
               extract(epoch FROM last_autovacuum)::float8 AS last_autovacuum,
               extract(epoch FROM last_analyze)::float8 AS last_analyze,
               extract(epoch FROM last_autoanalyze)::float8 AS last_autoanalyze,
               vacuum_count, autovacuum_count, analyze_count, autoanalyze_count,
               pg_indexes_size(relid) AS index_size_bytes, pg_table_size(relid) AS table_size_bytes
        FROM pg_stat_user_tables
        """,
        (
            *counters(
                "pg_stat_user_tables",
                {
                    "seq_scan": "Number of sequential scans initiated on this table",
                    "seq_tup_read": "Number of live rows fetched by sequential scans",
                    "idx_scan": "Number of index scans initiated on this table",
                    "idx_tup_fetch": "Number of live rows fetched by index scans",
                    "n_tup_ins": "Number of rows inserted",
                    "n_tup_upd": "Number of rows updated",
                    "n_tup_del": "Number of rows deleted",
                    "n_tup_hot_upd": "Number of rows HOT updated",
                    "vacuum_count": "Number of times this table has been manually vacuumed (not counting VACUUM FULL)",
                    "autovacuum_count": "Number of times this table has been vacuumed by the autovacuum daemon",
                    "analyze_count": "Number of times this table has been manually analyzed",
                    "autoanalyze_count": "Number of times this table has been analyzed by the autovacuum daemon",
                },
            ),
            *gauges(
                "pg_stat_user_tables",
                {
                    "n_live_tup": "Estimated number of live rows",
                    "n_dead_tup": "Estimated number of dead rows",
                    "n_mod_since_analyze": "Estimated number of rows changed since last analyze",
                    "last_vacuum": "Last time at which this table was manually vacuumed (not counting VACUUM FULL)",
                    "last_autovacuum": "Last time at which this table was vacuumed by the autovacuum daemon",
                    "last_analyze": "Last time at which this table was manually analyzed",
                    "last_autoanalyze": "Last time at which this table was analyzed by the autovacuum daemon",
                    "index_size_bytes": "Total disk space used by this index, in bytes",
                    "table_size_bytes": "Total disk space used by this table, in bytes",
                },
            ),
        ),
        labels=_LABELS,
    ),
    Query(
        "statio_user_tables",
        """
        SELECT current_database() AS datname, schemaname, relname,
               heap_blks_read AS heap_blocks_read, heap_blks_hit AS heap_blocks_hit,
               idx_blks_read AS idx_blocks_read, idx_blks_hit AS idx_blocks_hit,
               toast_blks_read AS toast_blocks_read, toast_blks_hit AS toast_blocks_hit,
               tidx_blks_read AS tidx_blocks_read, tidx_blks_hit AS tidx_blocks_hit
        FROM pg_statio_user_tables
        """,
        counters(
            "pg_statio_user_tables",
            {
                "heap_blocks_read": "Number of disk blocks read from this table",
                "heap_blocks_hit": "Number of buffer hits in this table",
                "idx_blocks_read": "Number of disk blocks read from all indexes on this table",
                "idx_blocks_hit": "Number of buffer hits in all indexes on this table",
                "toast_blocks_read": "Number of disk blocks read from this table's TOAST table (if any)",
                "toast_blocks_hit": "Number of buffer hits in this table's TOAST table (if any)",
                "tidx_blocks_read": "Number of disk blocks read from this table's TOAST table indexes (if any)",
                "tidx_blocks_hit": "Number of buffer hits in this table's TOAST table indexes (if any)",
            },
        ),
        labels=_LABELS,
    ),
)


def _statements(time: str, block_time: str, *, since: int, until: int) -> Query:
    return Query(
        "stat_statements",
        f"""
        SELECT pg_get_userbyid(userid) AS "user", datname, queryid::text AS queryid, sum(calls)::float8 AS calls,
               sum({time})::float8 / 1000 AS seconds, sum(rows)::float8 AS rows,
               sum({block_time}_read_time)::float8 / 1000 AS block_read_seconds,
               sum({block_time}_write_time)::float8 / 1000 AS block_write_seconds
        FROM pg_stat_statements
        JOIN pg_database ON pg_database.oid = dbid
        WHERE queryid IS NOT NULL
        GROUP BY userid, datname, queryid
        ORDER BY sum({time}) DESC
        LIMIT %(statements)s
        """,  # noqa: S608 - the columns' names stand below
        counters(
            "pg_stat_statements",
            {
                "calls": "Number of times executed",
                "seconds": "Total time spent in the statement, in seconds",
                "rows": "Total number of rows retrieved or affected by the statement",
                "block_read_seconds": "Total time the statement spent reading blocks, in seconds",
                "block_write_seconds": "Total time the statement spent writing blocks, in seconds",
            },
            suffix="_total",
        ),
        labels=("user", "datname", "queryid"),
        since=since,
        until=until,
    )


STATEMENTS: Final = (
    _statements("total_time", "blk", since=10, until=12),
    _statements("total_exec_time", "blk", since=13, until=16),
    _statements("total_exec_time", "shared_blk", since=17, until=NEWEST),
)
"""The statements that took the most time, as many as ``%(statements)s`` says; their text is not told."""
