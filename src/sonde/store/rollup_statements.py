"""What ``rollups`` says to ClickHouse. Days are numbers as 20260131, the ids of partitions; times are milliseconds."""
# ruff: noqa: S608 - these statements are put together of each other; what is not our own is a parameter

from __future__ import annotations

from typing import Final

STALE: Final = 0x7FF0000000000002
"""The bits of the NaN that is a stale marker."""

NEVER: Final = -2_208_988_800_000
"""The time of the latest stale marker where there is none: the first that the tables hold, in 1900."""

# Buckets and hours are named by their ends, and have these.
_END = "fromUnixTimestamp64Milli(at + positiveModulo(-at, {width:Int64}))"
_HOUR = "fromUnixTimestamp64Milli(at + positiveModulo(-at, 3600000))"
# In order of the key, so that memory does not grow with the day; one thread, since nobody waits.
_GENTLY = "SETTINGS optimize_aggregation_in_order = 1, max_threads = 1, max_insert_threads = 1"

STATE: Final = """
SELECT partition, rows, block, mutation, earliest, latest, is_same, is_renewed, looked, closed
FROM rollup_state
ORDER BY partition DESC
"""

LOOKED: Final = """
INSERT INTO rollup_days (day, looked, rows, block, mutation, renewed, closed)
SELECT YYYYMMDDToDate32({day:UInt32}), {looked:UInt64}, {rows:UInt64}, {block:Int64}, {mutation:UInt64},
  {renewed:Bool},
  fromUnixTimestamp64Milli({closed:Int64})
"""

_OF_DAY = "FROM samples WHERE toYYYYMMDD(ts) = {day:UInt32}"
_LEDGER_OF_DAY = "FROM rollup_ledger WHERE toYYYYMMDD(day) = {day:UInt32}"
_PIECES_OF_DAY = "FROM rollup_pieces WHERE toYYYYMMDD(day) = {day:UInt32}"

CHANGED_HOURS: Final = f"""
SELECT hour, sum(found) AS has, sum(known) AS had
FROM (
  SELECT at + positiveModulo(-at, 3600000) AS hour, toInt64(count()) AS found, toInt64(0) AS known
  FROM (
    SELECT toUnixTimestamp64Milli(ts) AS at {_OF_DAY} AND ts <= fromUnixTimestamp64Milli({{closed:Int64}})
  )
  GROUP BY hour
  UNION ALL
  SELECT toUnixTimestamp64Milli(hour), 0, sum(if(is_done, toInt64(made_of), -1000000000000))
  {_LEDGER_OF_DAY} AND hour <= fromUnixTimestamp64Milli({{closed:Int64}})
  GROUP BY hour
)
GROUP BY hour
HAVING if({{renewed:Bool}}, has > had, has != had)
ORDER BY hour
"""
"""Hours of a day that have not as many rows of ``samples`` as their pieces were made of, or a piece that is not done.

Where the day's samples were dropped since, fewer are not amiss.
"""

GENERATION: Final = f"SELECT max(generation) {_PIECES_OF_DAY}"

BEGIN_PIECES: Final = f"""
INSERT INTO rollup_pieces (tenant, metric, day, hour, generation, done, rows)
SELECT tenant, metric, day, hour, {{generation:UInt64}}, false, 0
FROM (
  SELECT tenant, metric, day, {_HOUR} AS hour, toInt64(count()) AS found, toInt64(0) AS known
  FROM (
    SELECT tenant, metric, toDate32(ts) AS day, toUnixTimestamp64Milli(ts) AS at
    {_OF_DAY} AND ts > fromUnixTimestamp64Milli({{after:Int64}}) AND ts <= fromUnixTimestamp64Milli({{until:Int64}})
  )
  GROUP BY tenant, metric, day, hour
  UNION ALL
  SELECT tenant, metric, day, hour, 0, if(is_done, toInt64(made_of), -1)
  {_LEDGER_OF_DAY}
)
WHERE toUnixTimestamp64Milli(hour) IN {{hours:Array(Int64)}}
GROUP BY tenant, metric, day, hour
HAVING if({{renewed:Bool}}, sum(found) > sum(known), sum(found) != sum(known))
"""
"""Take up the pieces of some hours whose rows of ``samples`` are not as many as they were made of."""

_BEGUN = f"{_PIECES_OF_DAY} AND generation = {{generation:UInt64}} AND NOT done"

BEGUN: Final = f"SELECT count() {_BEGUN}"

FINISH_PIECES: Final = f"""
INSERT INTO rollup_pieces (tenant, metric, day, hour, generation, done, rows)
SELECT tenant, metric, day, hour, {{generation:UInt64}}, true, sum(made_of)
FROM (
  SELECT tenant, metric, day, hour, toUInt64(0) AS made_of {_BEGUN}
  UNION ALL
  SELECT
    tenant, metric, day, fromUnixTimestamp64Milli(at + positiveModulo(-at, 3600000)) AS hour, sum(rows)
  FROM (
    SELECT tenant, metric, day, toUnixTimestamp64Milli(bucket) AS at, rows
    FROM rollups_5m
    WHERE toYYYYMMDD(day) = {{day:UInt32}} AND generation = {{generation:UInt64}}
  )
  GROUP BY tenant, metric, day, hour
)
WHERE (tenant, metric, hour) IN (SELECT tenant, metric, hour {_BEGUN})
GROUP BY tenant, metric, day, hour
"""
"""Name the new generation in the ledger, with what it was made of."""

_CURRENT = f"""
  SELECT tenant, metric, toUnixTimestamp64Milli(hour), current {_LEDGER_OF_DAY}
"""
_OUTDATED = f"""(
  tenant, metric, toUnixTimestamp64Milli(bucket) + positiveModulo(-toUnixTimestamp64Milli(bucket), 3600000), generation
) NOT IN ({_CURRENT})"""

GARBAGE: Final = f"""
SELECT count(), countIf({_OUTDATED}) FROM rollups_1h WHERE toYYYYMMDD(day) = {{day:UInt32}}
"""
CLEAN: Final = f"""
ALTER TABLE {{table}} DELETE WHERE toYYYYMMDD(day) = {{day:UInt32}} AND {_OUTDATED} SETTINGS mutations_sync = 2
"""
"""Remove rows of generations that no piece has any more."""

FORGET_PIECES: Final = """
INSERT INTO rollup_pieces (tenant, metric, day, hour, generation, done, rows)
SELECT tenant, metric, day, hour, max(generation) + 1, false, 0
FROM rollup_pieces
WHERE tenant = {tenant:String} AND metric IN {metrics:Array(String)}
  AND hour >= fromUnixTimestamp64Milli({start:Int64}) AND hour < fromUnixTimestamp64Milli({behind:Int64})
  AND toYYYYMMDD(day) IN (SELECT partition FROM rollup_state WHERE NOT is_renewed)
GROUP BY tenant, metric, day, hour
"""
"""Take pieces of which there are samples out of use, until they are computed anew."""

ROWS_WITHOUT_SAMPLES: Final = "toYYYYMMDD(day) NOT IN (SELECT partition FROM rollup_state WHERE NOT is_renewed)"
ANY: Final = "SELECT 1 FROM {table} WHERE {condition} LIMIT 1"
REMOVE: Final = "ALTER TABLE {table} DELETE WHERE {condition} SETTINGS mutations_sync = 2"

# Of samples of one time the one that counts comes last: a number before NaN, NaN before a stale marker, of numbers the
# greatest (as in query/promql/clickhouse/samples_reader.py). Sums go in two parts, that which rounds to few digits and
# the rest, so that they are exact to twice the digits of a number; `scale` cuts (Rump, Ogita, Oishi, Accurate
# floating-point summation). Where that is impossible, the sum is infinite, and samples have to be asked.
ROLL_UP: Final = f"""
INSERT INTO {{table}} (
  tenant, metric, id, day, bucket, generation, rows, samples,
  first_ts, first_start, first_value, last_ts, last_start, last_value,
  stale_ts, least_bits, greatest_bits, sum, remainder, lost, resets, changes, overlaps
)
SELECT
  tenant, metric, id, day, bucket,
  {{generation:UInt64}} AS generation,
  rows,
  length(v) AS samples,
  fromUnixTimestamp64Milli(t[1]), fromUnixTimestamp64Milli(s[1]), v[1],
  fromUnixTimestamp64Milli(t[-1]), fromUnixTimestamp64Milli(s[-1]), v[-1],
  fromUnixTimestamp64Milli(stale),
  bitXor(reinterpretAsUInt64(if(empty(numbers), nan, arrayMin(numbers)) AS least), reinterpretAsUInt64(v[1])),
  bitXor(reinterpretAsUInt64(if(empty(numbers), nan, arrayMax(numbers)) AS greatest), reinterpretAsUInt64(v[-1])),
  multiIf(samples != length(numbers), nan, fits, coarse + fine, inf) AS sum,
  if(fits, (coarse - (sum - (sum - coarse))) + (fine - (sum - coarse)), 0) AS remainder,
  arraySum((value, is_reset) -> if(is_reset, value, 0), pv, fell) AS lost,
  arraySum(fell) AS resets,
  arrayCount((n, p) -> n != p AND NOT (isNaN(n) AND isNaN(p)), nv, pv) AS changes,
  if(has_starts, arrayCount((n, p, pt) -> n != 0 AND n < pt AND n != p, ns, ps, pt), 0) AS overlaps
FROM (
  SELECT
    tenant, metric, id, day, bucket, rows, t, v, s, stale,
    arrayPopBack(v) AS pv, arrayPopFront(v) AS nv, arrayPopBack(t) AS pt, arrayPopFront(t) AS nt,
    arrayPopBack(s) AS ps, arrayPopFront(s) AS ns,
    arrayExists(x -> x != 0, s) AS has_starts,
    if(
      has_starts,
      arrayMap(
        (nv, pv, nt, pt, ns, ps) ->
          nv < pv OR ns != 0 AND ns < nt AND (ns > pt OR ns = pt AND ps <= pt AND ps != 0 AND ps != pt),
        nv, pv, nt, pt, ns, ps
      ),
      arrayMap((nv, pv) -> nv < pv, nv, pv)
    ) AS fell,
    arrayFilter(x -> NOT isNaN(x), v) AS numbers,
    arrayMax(arrayMap(x -> abs(x), numbers)) * length(numbers) AS bulk,
    bulk < 1e300 AND length(numbers) = length(v) AS fits,
    exp2(ceil(log2(greatest(bulk, 1e-290))) + 2) AS scale,
    if(fits, arraySum(x -> (scale + x) - scale, v), 0) AS coarse,
    if(fits, arraySum(x -> x - ((scale + x) - scale), v), 0) AS fine
  FROM (
    SELECT
      tenant, metric, id, day, bucket, rows,
      arrayMap(x -> reinterpretAsUInt64(x) = {STALE}, v1) AS is_stale,
      has(is_stale, 1) AS has_stale,
      arrayMax((x, flag) -> if(flag, x, {NEVER}), arrayPushBack(t1, {NEVER}), arrayPushBack(is_stale, 1)) AS stale,
      if(has_stale, arrayFilter((x, flag) -> NOT flag, t1, is_stale), t1) AS t,
      if(has_stale, arrayFilter((x, flag) -> NOT flag, v1, is_stale), v1) AS v,
      if(has_stale, arrayFilter((x, flag) -> NOT flag, s1, is_stale), s1) AS s
    FROM (
      SELECT
        tenant, metric, id, day, bucket, rows,
        arrayExists((a, b) -> a = b, arrayPopBack(ts), arrayPopFront(ts)) AS has_twins,
        arraySort(
          sample -> (sample.1, sample.3, sample.4),
          arrayMap(
            (at, value, start) -> (
              at, value, multiIf(NOT isNaN(value), 2, reinterpretAsUInt64(value) = {STALE}, 0, 1),
              if(isNaN(value), 0, value), start
            ),
            if(has_twins, ts, []), if(has_twins, values, []), if(has_twins, starts, [])
          )
        ) AS ranked,
        arrayFilter(
          (sample, next_at) -> sample.1 != next_at,
          ranked,
          arrayResize(arrayPushBack(arrayPopFront(ranked.1), ts[-1] + 1), length(ranked))
        ) AS chosen,
        if(has_twins, chosen.1, ts) AS t1,
        if(has_twins, chosen.2, values) AS v1,
        if(has_twins, chosen.5, starts) AS s1
      FROM (
        SELECT
          tenant, metric, id, day, {_END} AS bucket, count() AS rows,
          groupArray(at) AS times, groupArray(value) AS found_values, groupArray(start) AS found_starts,
          arraySort(times) AS ts,
          arraySort((x, at) -> at, found_values, times) AS values,
          arraySort((x, at) -> at, found_starts, times) AS starts
        FROM (
          SELECT
            tenant, metric, id, toDate32(ts) AS day, toUnixTimestamp64Milli(ts) AS at, value,
            toUnixTimestamp64Milli(start_ts) AS start
          {_OF_DAY}
            AND ts > fromUnixTimestamp64Milli({{after:Int64}}) AND ts <= fromUnixTimestamp64Milli({{until:Int64}})
            AND (tenant, metric, {_HOUR}) IN (SELECT tenant, metric, hour {_BEGUN})
        )
        GROUP BY tenant, metric, id, day, bucket
      )
    )
  )
)
{_GENTLY}
"""
"""Compute the pieces that were taken up."""
