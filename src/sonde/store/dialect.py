"""The words that schema files may use beyond SQL: ``{word argument}`` becomes ClickHouse SQL.

Schema files would repeat OTLP's recursive ``AnyValue`` a dozen times, and differ between one embedded engine and a
cluster in nothing but their engines. Both are said once, here. ``migrate`` reads a file, calls ``expand`` and runs
what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sonde.errors import InternalError
from sonde.store import metric_names, metric_points, prometheus_points

ANY_VALUE_DEPTH = 2  # arrays and maps spelled out in proto/common.proto; deeper ones stay bytes
DEDUPLICATION_WINDOW = 10_000  # blocks a table remembers; recovery offers again no more than the last few segments

_WORD = re.compile(r"\{([a-z_0-9]+)(?: ([^{}]*))?\}")

# The order of the members is the order of the oneof in proto/common.proto.
_MEMBERS = (
    "none",
    "string_value",
    "bool_value",
    "int_value",
    "double_value",
    "array_value",
    "kvlist_value",
    "bytes_value",
)
_STRING, _BOOL, _INT, _DOUBLE, _ARRAY, _KVLIST, _BYTES = range(1, 8)
_MAP_TYPES = {"str": "String", "int": "Int64", "float": "Float64", "bool": "Bool", "json": "String"}
_LATEST_NANO = 9_200_000_000_000_000_000  # the year 2261: the last that DateTime64(9) and Int64 hold


@dataclass(frozen=True, slots=True)
class Cluster:
    """A ClickHouse cluster that tables are made on; None in its place means one engine."""

    name: str


def expand(sql: str, cluster: Cluster | None = None) -> str:
    """Replace every ``{word argument}`` of a schema file.

    >>> expand("SELECT {timestamp x.time_unix_nano} AS ts")
    'SELECT fromUnixTimestamp64Nano(toInt64(least(x.time_unix_nano, 9200000000000000000))) AS ts'
    >>> expand("{nonsense}")
    Traceback (most recent call last):
    sonde.errors.InternalError: schema word {nonsense} is not known [internal]
    """
    words = {**_WORDS, **_engines(cluster)}

    def word(match: re.Match[str]) -> str:
        try:
            replacement = words[match[1]]
        except KeyError:
            raise InternalError(f"schema word {match[0]} is not known") from None
        return replacement(match[2] or "")

    return _WORD.sub(word, sql)


def any_value_type(depth: int = 0) -> str:
    """The column type of an AnyValue, ``depth`` levels below the top."""
    members = ", ".join(f"'{name}' = {number}" for number, name in enumerate(_MEMBERS))
    if depth == ANY_VALUE_DEPTH:
        nested = "array_value String, kvlist_value String"
    else:
        inner = any_value_type(depth + 1)
        pairs = f"Array(Tuple(key String, value {inner}))"
        nested = f"array_value Tuple(values Array({inner})), kvlist_value Tuple(values {pairs})"
    # `value` says which member of the oneof was on the wire (input_format_protobuf_oneof_presence)
    return (
        f"Tuple(value Enum8({members}), string_value String, bool_value Bool, int_value Int64, double_value Float64, "
        f"{nested}, bytes_value String)"
    )


def json_of_value(value: str, depth: int = 0) -> str:
    """SQL that writes the AnyValue ``value`` as JSON text; what lies deeper than the column type is base64 of it.

    One array of the members' texts, indexed by the member that is set: the engine analyses the views of every INSERT
    anew, and ``multiIf``, or both kinds of container spelled out at each level, would cost it more than the data does.
    """
    member = f"toInt8({_field(value, 'value')})"
    texts = (
        f"'null', toJSONString({_field(value, 'string_value')}), toString({_field(value, 'bool_value')}), "
        f"toString({_field(value, 'int_value')}), toJSONString({_field(value, 'double_value')})"
    )
    encoded = f"concat('\"', base64Encode({_field(value, 'bytes_value')}), '\"')"
    if depth == ANY_VALUE_DEPTH:
        array = f"""concat('{{"$pb5":"', base64Encode({_field(value, "array_value")}), '"}}')"""
        kvlist = f"""concat('{{"$pb6":"', base64Encode({_field(value, "kvlist_value")}), '"}}')"""
        return f"[{texts}, {array}, {kvlist}, {encoded}][{member} + 1]"
    item = f"v{depth}"
    pairs = (
        f"arrayMap({item} -> (concat(toJSONString({_field(item, 'key')}), ':'), {_field(item, 'value')}), "
        f"{_field(value, 'kvlist_value', 'values')})"
    )
    values = f"arrayMap({item} -> ('', {item}), {_field(value, 'array_value', 'values')})"
    items = f"if({member} = {_KVLIST}, {pairs}, {values})"
    written = f"concat({item}.1, {json_of_value(item + '.2', depth + 1)})"
    inside = f"arrayStringConcat(arrayMap({item} -> {written}, {items}), ',')"
    text = f"[{texts}, {inside}, {encoded}][{member} + 1 - ({member} >= {_KVLIST})]"
    opening = f"['', '', '', '', '', '[', '{{', ''][{member} + 1]"
    closing = f"['', '', '', '', '', ']', '}}', ''][{member} + 1]"
    return f"concat({opening}, {text}, {closing})"


def _field(value: str, *names: str) -> str:
    """A field of a tuple, or of all tuples of an array; ``value.name`` means it too, but takes milliseconds."""
    if not names:
        return value
    *outer, name = names
    return f"tupleElement({_field(value, *outer)}, {name if name.isdigit() else _quoted(name)})"


def _path(path: str) -> str:
    """``{field s.status.code}`` or ``{field pair.1.key}``: see ``_field``."""
    value, *names = path.split(".")
    return _field(value, *names)


def _text_of_value(value: str, depth: int = 0) -> str:
    path = _path(value)
    member, text = _field(path, "value"), _field(path, "string_value")
    return f"if({member} = {_STRING}, {text}, if({member} = 0, '', {json_of_value(path, depth)}))"


def _json_of(attributes: str) -> str:
    pair = f"concat(toJSONString({_field('a', 'key')}), ':', {json_of_value(_field('a', 'value'))})"
    pairs = f"arrayMap(a -> {pair}, {attributes})"
    return f"concat('{{', arrayStringConcat({pairs}, ','), '}}')"


def _maps_of(argument: str) -> str:
    """Five typed maps of an attribute list; each type is filtered on flat columns, so the deep ones stay untouched."""
    path, prefix = argument.split()
    attributes = _path(path)
    keys, values, members = (_field(attributes, *names) for names in (["key"], ["value"], ["value", "value"]))

    def typed(suffix: str, member: int) -> str:
        of_type = _field(values, _MEMBERS[member])
        chosen_keys = f"arrayFilter((k, m) -> m = {member}, {keys}, {members})"
        chosen_values = f"arrayFilter((v, m) -> m = {member}, {of_type}, {members})"
        return f"mapFromArrays({chosen_keys}, {chosen_values}) AS {prefix}_{suffix}"

    other = f"m IN (0, {_ARRAY}, {_KVLIST}, {_BYTES})"
    other_keys = f"arrayFilter((k, m) -> {other}, {keys}, {members})"
    other_values = f"arrayMap(v -> {json_of_value('v')}, arrayFilter((v, m) -> {other}, {values}, {members}))"
    return ", ".join(
        [
            typed("str", _STRING),
            typed("int", _INT),
            typed("float", _DOUBLE),
            typed("bool", _BOOL),
            f"mapFromArrays({other_keys}, {other_values}) AS {prefix}_json",
        ]
    )


def _attribute_maps(prefix: str) -> str:
    return ", ".join(f"{prefix}_{suffix} Map(LowCardinality(String), {value})" for suffix, value in _MAP_TYPES.items())


def _text_map(prefix: str) -> str:
    """The five typed maps as one map of texts, as OpenTelemetry's ClickHouse exporter writes attributes."""
    texts = ", ".join(
        f"CAST(mapApply((k, v) -> (toString(k), toString(v)), {prefix}_{suffix}), 'Map(String, String)')"
        for suffix in _MAP_TYPES
    )
    return f"mapConcat({texts})"


def _map_of_json(text: str) -> str:
    return f"CAST(JSONExtractKeysAndValues({text}, 'String'), 'Map(String, String)')"


def _fixed(argument: str) -> str:
    value, size = argument.rsplit(" ", 1)
    return f"toFixedString(substring({value}, 1, {size}), {size})"


def _service_of(attributes: str) -> str:
    """service.name of a resource; OpenTelemetry's `unknown_service` where it is absent or no string."""
    path = _path(attributes)
    service = f"{_field(path, 'value', 'string_value')}[indexOf({_field(path, 'key')}, 'service.name')]"
    return f"if({service} = '', 'unknown_service', {service})"


def _attribute_items(prefix: str) -> str:
    """One row for each scalar attribute, as (key, type, value as text)."""
    types = {"str": "string", "int": "int", "float": "float", "bool": "bool"}
    pairs = ", ".join(
        f"arrayMap((k, v) -> (toString(k), '{name}', toString(v)), "
        f"mapKeys({prefix}_{suffix}), mapValues({prefix}_{suffix}))"
        for suffix, name in types.items()
    )
    return f"arrayJoin(arrayConcat({pairs}))"


def _llm_candidate(_: str) -> str:
    return " OR ".join(f"mapContains(attr_str, '{key}')" for key in LLM_STRINGS)


def _level(argument: str) -> str:
    """``{level number text attributes}``: our word, by the severity number, else by the text or a `level` attribute."""
    number, severity_text, attributes = argument.split()
    keys, values = _field(attributes, "key"), _field(attributes, "value", "string_value")
    attribute = f"{values}[arrayFirstIndex(k -> k IN ('level', 'severity', 'log.level'), {keys})]"
    text = f"lower(if({severity_text} != '', {severity_text}, {attribute}))"
    words = ", ".join(_quoted(word) for word in _LEVEL_WORDS)
    levels = ", ".join(_quoted(level) for level in _LEVEL_WORDS.values())
    known = _known_severity(number)
    by_number = f"['trace', 'debug', 'info', 'warn', 'error', 'fatal'][intDiv({known} - 1, 4) + 1]"
    return f"if({known} != 0, {by_number}, transform({text}, [{words}], [{levels}], 'unknown'))"


def _known_severity(number: str) -> str:
    """A severity number of OTLP, 0 for others; without AND, for the reason given in ``_enumerated``."""
    return f"if(toUInt64({number} - 1) < 24, {number}, 0)"


def _timestamp(nanoseconds: str) -> str:
    return f"fromUnixTimestamp64Nano(toInt64(least({nanoseconds}, {_LATEST_NANO})))"


def _enumerated(argument: str) -> str:
    """``{enumerated x span_kind}``: the number x as one of our enums, 0 for numbers that OTLP does not know."""
    value, kind = argument.rsplit(" ", 1)
    names = _ENUMS[kind]
    known = ", ".join(str(number) for number in range(len(names)))
    # IN, since AND (and so BETWEEN) costs ten milliseconds of analysis each time that a view runs
    return f"CAST(if({value} IN ({known}), {value}, 0), {_quoted(_enum_type(names))})"


def _enum_type(names: tuple[str, ...]) -> str:
    return "Enum8(" + ", ".join(f"'{name}' = {number}" for number, name in enumerate(names)) + ")"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"


_ENUMS = {
    "span_kind": ("unspecified", "internal", "server", "client", "producer", "consumer"),
    "status_code": ("unset", "ok", "error"),
    "temporality": ("unspecified", "delta", "cumulative"),
    "counter_reset": ("unknown", "reset", "none", "gauge"),  # Prometheus' hints of native histograms
}
# String attributes of which every LLM call has at least one; sonde.llm.normalise has the same list.
LLM_STRINGS = (
    "gen_ai.operation.name", "gen_ai.request.model", "gen_ai.response.model", "openinference.span.kind",
    "langfuse.observation.type", "langsmith.span.kind", "ai.operationId", "llm.request.type", "llm.model_name",
)  # fmt: skip
_LEVEL_WORDS = {
    "trace": "trace", "verbose": "trace", "debug": "debug", "dbg": "debug", "info": "info", "information": "info",
    "informational": "info", "notice": "info", "success": "info", "warn": "warn", "warning": "warn", "wrn": "warn",
    "error": "error", "err": "error", "fatal": "fatal", "critical": "fatal", "crit": "fatal", "alert": "fatal",
    "emergency": "fatal", "emerg": "fatal", "panic": "fatal",
}  # fmt: skip
_KEY_VALUES = f"Array(Tuple(key String, value {any_value_type()}))"

_WORDS: Mapping[str, Callable[[str], str]] = {
    "any_value": lambda _: any_value_type(),
    "key_values": lambda _: _KEY_VALUES,
    "resource": lambda _: f"Tuple(attributes {_KEY_VALUES})",
    "scope": lambda _: f"Tuple(name String, version String, attributes {_KEY_VALUES})",
    "tail": lambda _: "tenant String, received_unix_nano UInt64",
    "attribute_maps": _attribute_maps,
    "field": _path,
    "maps_of": _maps_of,
    "json_of": _json_of,
    "text_of_value": _text_of_value,
    "shallow_key_values": lambda _: f"Array(Tuple(key String, value {any_value_type(1)}))",
    "text_of_shallow_value": lambda value: (
        rf"replaceAll({_text_of_value(value, 1)}, '\\/', '/')"
    ),  # toJSONString writes / as \/
    "attribute_items": _attribute_items,
    "service_of": _service_of,
    "level": _level,
    "known_severity": _known_severity,
    "llm_candidate": _llm_candidate,
    "text_map": _text_map,
    "map_of_json": _map_of_json,
    "fixed": _fixed,
    "timestamp": _timestamp,
    "span_kind": lambda _: _enum_type(_ENUMS["span_kind"]),
    "status_code": lambda _: _enum_type(_ENUMS["status_code"]),
    "temporality": lambda _: _enum_type(_ENUMS["temporality"]),
    "counter_reset": lambda _: _enum_type(_ENUMS["counter_reset"]),
    "enumerated": _enumerated,
    "dedup": lambda _: f"non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}",
    "no_dedup": lambda _: "non_replicated_deduplication_window = 0, replicated_deduplication_window = 0",
    **metric_names.WORDS,
    **metric_points.WORDS,
    **prometheus_points.WORDS,
}


def _engines(cluster: Cluster | None) -> Mapping[str, Callable[[str], str]]:
    """``{engine Replacing version}``, ``{on_cluster}``: the only words that differ between one engine and a cluster."""
    if cluster is None:
        return {
            "on_cluster": lambda _: "",
            "engine": lambda argument: _merge_tree("", argument, ""),
        }
    path = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
    return {
        "on_cluster": lambda _: f"ON CLUSTER '{cluster.name}'",
        "engine": lambda argument: _merge_tree("Replicated", argument, path),
    }


def _merge_tree(replicated: str, argument: str, path: str) -> str:
    family, *parameters = argument.split()
    prefix = "" if family == "plain" else family
    return f"{replicated}{prefix}MergeTree({', '.join([*([path] if path else []), *parameters])})"
