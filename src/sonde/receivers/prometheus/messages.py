"""Prometheus' messages for remote write and remote read, as its specifications and published schemas give them.

Sources: https://prometheus.io/docs/specs/prw/remote_write_spec/ and …/remote_write_spec_2_0/; prompb/remote.proto,
prompb/types.proto and prompb/io/prometheus/write/v2/types.proto of https://github.com/prometheus/prometheus/tree/v3.14.0.
``write_shape`` has the same messages in shapes that are quicker to check; ``store/proto/prometheus.proto`` is what the
store reads of them.
"""

from __future__ import annotations

from typing import Any, Final

from sonde.receivers.protobuf import compile_messages

HISTOGRAM: Final = """
    message Histogram {
      oneof count { uint64 count_int = 1; double count_float = 2; }
      double sum = 3;
      sint32 schema = 4;
      double zero_threshold = 5;
      oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
      repeated BucketSpan negative_spans = 8;
      repeated sint64 negative_deltas = 9;
      repeated double negative_counts = 10;
      repeated BucketSpan positive_spans = 11;
      repeated sint64 positive_deltas = 12;
      repeated double positive_counts = 13;
      int32 reset_hint = 14;
      int64 timestamp = 15;
      repeated double custom_values = 16;
      int64 start_timestamp = 17;
    }
    message BucketSpan { sint32 offset = 1; uint32 length = 2; }
"""

_VERSION_1: Final = compile_messages(
    "sonde.prometheus",
    """
    message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
    message TimeSeries {
      repeated Label labels = 1;
      repeated Sample samples = 2;
      repeated Exemplar exemplars = 3;
      repeated Histogram histograms = 4;
    }
    message Label { string name = 1; string value = 2; }
    message Sample { double value = 1; int64 timestamp = 2; }
    message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
    message MetricMetadata { int32 type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }

    message ReadRequest { repeated Query queries = 1; repeated int32 accepted_response_types = 2; }
    message Query {
      int64 start_timestamp_ms = 1;
      int64 end_timestamp_ms = 2;
      repeated LabelMatcher matchers = 3;
      ReadHints hints = 4;
    }
    message LabelMatcher { int32 type = 1; string name = 2; string value = 3; }
    message ReadHints { int64 step_ms = 1; string func = 2; int64 start_ms = 3; int64 end_ms = 4; int64 range_ms = 7; }
    message ReadResponse { repeated QueryResult results = 1; }
    message QueryResult { repeated TimeSeries timeseries = 1; }
    message ChunkedReadResponse { repeated ChunkedSeries chunked_series = 1; int64 query_index = 2; }
    message ChunkedSeries { repeated Label labels = 1; repeated Chunk chunks = 2; }
    message Chunk { int64 min_time_ms = 1; int64 max_time_ms = 2; int32 type = 3; bytes data = 4; }
    """
    + HISTOGRAM,
)
_VERSION_2: Final = compile_messages(
    "sonde.prometheus.v2",
    """
    message Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }
    message TimeSeries {
      repeated uint32 labels_refs = 1;
      repeated Sample samples = 2;
      repeated Histogram histograms = 3;
      repeated Exemplar exemplars = 4;
      Metadata metadata = 5;
      int64 created_timestamp = 6; // until 2.0-rc.3
    }
    message Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }
    message Exemplar { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
    message Metadata { int32 type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
    """
    + HISTOGRAM,
)

# protobuf's classes are made at run time, so nobody can know their fields before
WriteRequest: Any = _VERSION_1["WriteRequest"]
TimeSeries: Any = _VERSION_1["TimeSeries"]
Histogram: Any = _VERSION_1["Histogram"]
"""Of both versions: the same on the wire."""
Request: Any = _VERSION_2["Request"]
SymbolSeries: Any = _VERSION_2["TimeSeries"]
SymbolExemplar: Any = _VERSION_2["Exemplar"]
ReadRequest: Any = _VERSION_1["ReadRequest"]
ReadResponse: Any = _VERSION_1["ReadResponse"]
ChunkedReadResponse: Any = _VERSION_1["ChunkedReadResponse"]
Chunk: Any = _VERSION_1["Chunk"]
