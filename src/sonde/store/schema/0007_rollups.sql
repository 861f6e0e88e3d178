-- Rollups: what a series' samples of 5 minutes and of an hour come to. `store/rollups.py` fills these tables; no view of an
-- INSERT does. Samples come late, out of order and twice, so what adds up as they come would be wrong.
--
-- A row is about the samples of (bucket - 5 min, bucket] that lie in one partition of `samples`, that of `day`: the sample of
-- midnight belongs to the day that begins with it, so a bucket may have two rows. `samples` counts what PromQL counts: of several samples
-- of one time one, and no stale markers (`stale_ts` is the latest of these, 1900 if there is none). `sum + remainder` is
-- the sum to twice the precision of a number; `lost` is what a counter had before each reset within the bucket.
-- Where `samples` is 0, there were stale markers only. The least and the greatest value are kept as the bits in which they
-- differ from the first and the last, which are none for most counters.

CREATE TABLE IF NOT EXISTS rollups_5m {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  id UInt64,
  day Date32 CODEC(ZSTD(1)),
  bucket DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  generation UInt64 CODEC(Delta(8), ZSTD(1)),
  rows UInt64 CODEC(T64, ZSTD(1)),
  samples UInt32 CODEC(T64, ZSTD(1)),
  first_ts DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  first_start DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  first_value Float64 CODEC(Delta(8), ZSTD(1)),
  last_ts DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  last_start DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  last_value Float64 CODEC(Delta(8), ZSTD(1)),
  stale_ts DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  least_bits UInt64 CODEC(ZSTD(1)),
  greatest_bits UInt64 CODEC(ZSTD(1)),
  sum Float64 CODEC(Delta(8), ZSTD(1)),
  remainder Float64 CODEC(ZSTD(1)),
  lost Float64 CODEC(ZSTD(1)),
  resets UInt32 CODEC(T64, ZSTD(1)),
  changes UInt32 CODEC(T64, ZSTD(1)),
  overlaps UInt32 CODEC(T64, ZSTD(1)),
  ts DateTime64(3) ALIAS bucket,
  least Float64 ALIAS reinterpretAsFloat64(bitXor(least_bits, reinterpretAsUInt64(first_value))),
  greatest Float64 ALIAS reinterpretAsFloat64(bitXor(greatest_bits, reinterpretAsUInt64(last_value)))
) ENGINE = {engine plain}
PARTITION BY toYYYYMMDD(day)
ORDER BY (tenant, metric, id, bucket, generation)
SETTINGS {no_dedup};

CREATE TABLE IF NOT EXISTS rollups_1h {on_cluster} AS rollups_5m
ENGINE = {engine plain}
PARTITION BY toYYYYMMDD(day)
ORDER BY (tenant, metric, id, bucket, generation)
SETTINGS {no_dedup};

-- What has been rolled up: a metric's samples of the hour that ends at `hour`, on one day. Of a piece, the row of the greatest
-- version counts. Where that is not `done`, samples have to be asked; else both tables hold the piece's rows of `generation`,
-- made of `rows` rows of `samples`. Rows of other generations are of no meaning.
CREATE TABLE IF NOT EXISTS rollup_pieces {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  day Date32,
  hour DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  generation UInt64 CODEC(Delta(8), ZSTD(1)),
  done Bool,
  version UInt64 MATERIALIZED generation * 2 + done,
  rows UInt64 CODEC(T64, ZSTD(1))
) ENGINE = {engine Replacing version}
PARTITION BY toYYYYMMDD(day)
ORDER BY (tenant, metric, day, hour)
SETTINGS {no_dedup};

-- Days that were looked through, and how their partition of `samples` was just before: as long as it is the same, all pieces
-- up to `closed` are what they should be. `renewed`: it had been dropped before, so that pieces may be of more than there is.
CREATE TABLE IF NOT EXISTS rollup_days {on_cluster} (
  day Date32,
  looked UInt64,
  rows UInt64,
  block Int64,
  mutation UInt64,
  renewed Bool,
  closed DateTime64(3)
) ENGINE = {engine Replacing looked}
PARTITION BY toYYYYMMDD(day)
ORDER BY day
SETTINGS {no_dedup};

-- How the partitions of `samples` are, between which seconds their samples lie, and how they were when they were looked through:
-- inserts and deletes change rows, block or mutation; merges do not. One that is renewed was dropped since, and samples came later.
CREATE VIEW IF NOT EXISTS rollup_state {on_cluster} AS
SELECT
  parts.partition AS partition, parts.rows AS rows, parts.block AS block, parts.mutation AS mutation, earliest, latest,
  parts.rows = days.rows AND parts.block = days.block AND parts.mutation = days.mutation AS is_same,
  toUInt8(days.renewed OR looked > 0 AND parts.oldest_block > days.block) AS is_renewed,
  looked, closed
FROM (
  SELECT
    toUInt32(partition_id) AS partition,
    sum(rows) AS rows,
    max(max_block_number) AS block,
    min(min_block_number) AS oldest_block,
    max(toUInt64OrZero(splitByChar('_', name)[5])) AS mutation,
    toInt64(toUnixTimestamp(min(min_time))) AS earliest,
    toInt64(toUnixTimestamp(max(max_time))) AS latest
  FROM system.parts
  WHERE database = 'sonde' AND table = 'samples' AND active
  GROUP BY partition
) AS parts
LEFT JOIN (
  SELECT
    toYYYYMMDD(day) AS partition,
    max(seen.looked) AS looked,
    toUnixTimestamp64Milli(argMax(seen.closed, seen.looked)) AS closed,
    argMax(seen.rows, seen.looked) AS rows,
    argMax(seen.block, seen.looked) AS block,
    argMax(seen.mutation, seen.looked) AS mutation,
    argMax(seen.renewed, seen.looked) AS renewed
  FROM rollup_days AS seen
  GROUP BY day
) AS days ON parts.partition = days.partition;

CREATE VIEW IF NOT EXISTS rollup_ledger {on_cluster} AS
SELECT
  tenant, metric, day, hour,
  argMax(generation, version) AS current,
  argMax(done, version) AS is_done,
  argMax(rows, version) AS made_of
FROM rollup_pieces
GROUP BY tenant, metric, day, hour;
