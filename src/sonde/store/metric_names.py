"""Prometheus' names for OTLP's metrics, as SQL: the words of the schema that translate names, units and attributes.

``dialect`` puts these words into ``schema/0004_metrics.sql``. The rules are those of Prometheus' OTLP receiver at its
defaults, so that what was written for Prometheus finds the same series here:
https://github.com/prometheus/otlptranslator/tree/v1.0.0 (names), and in prometheus/prometheus the folder
storage/remote/otlptranslator/prometheusremotewrite (labels). What Prometheus refuses is kept, under the nearest name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

NAMELESS = "_"  # the name of a metric that has no character which may stay
KEYLESS = "key_"  # the label of an attribute without a key; also Prometheus' prefix of labels that begin with a digit


class MetricNames(IntEnum):
    """How OTLP names become Prometheus' names; travels in each frame's tail (field 1004)."""

    UNDERSCORES = 0  # Prometheus' UnderscoreEscapingWithSuffixes
    UTF8_WITH_SUFFIXES = 1  # NoUTF8EscapingWithSuffixes
    UNTOUCHED = 2  # NoTranslation


UNITS: Mapping[str, str] = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes", "TiBy": "tibibytes",
    "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
    "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams",
    "Cel": "celsius", "Hz": "hertz", "1": "", "%": "percent",
}  # fmt: skip
PER_UNITS: Mapping[str, str] = {
    "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year",
}  # fmt: skip


def metric_name(argument: str) -> str:
    """``{metric_name name names unit per_unit is_counter is_ratio}``: the Prometheus name of a metric.

    ``names`` is the tail's choice of ``MetricNames``; ``unit`` and ``per_unit`` are what the words of these names give.
    """
    name, names, unit, per_unit, counter, ratio = argument.split()
    translated = (
        f"multiIf({names} = {MetricNames.UNDERSCORES.value}, {_escaped(name, unit, per_unit, counter, ratio)}, "
        f"{names} = {MetricNames.UTF8_WITH_SUFFIXES.value}, {_suffixed(name, unit, per_unit, counter, ratio)}, {name})"
    )
    return f"ifNull(nullIf({translated}, ''), '{NAMELESS}')"


def _escaped(name: str, unit: str, per_unit: str, counter: str, ratio: str) -> str:
    """Tokens of letters, digits and colons; then the unit, ``total`` or ``ratio``: each once, each where it belongs."""
    units = f"arrayFilter(word -> word != '' AND NOT has(tokens, word), {_cleaned_units(unit, per_unit)})"
    tokens = _let("tokens", f"extractAll({name}, '[a-zA-Z0-9:]+')", f"arrayConcat(tokens, {units})")
    last = f"if({counter}, ['total'], if({ratio}, ['ratio'], []))"
    tokens = f"arrayConcat(arrayFilter(word -> NOT has({last}, word), {tokens}), {last})"
    return rf"replaceRegexpOne(arrayStringConcat({tokens}, '_'), '^([0-9])', '_\\1')"


def _cleaned_units(unit: str, per_unit: str) -> str:
    """Both as parts of a name: empty where no character may stay, and without a `_` before the next part."""
    per_part = rf"replaceRegexpOne({_cleaned(per_unit)}, '^per_$|_$', '')"
    part = f"if({per_unit} = '', {_cleaned(unit)}, replaceRegexpOne({_cleaned(unit)}, '_$', ''))"
    return f"[{part}, {per_part}]"


def _suffixed(name: str, unit: str, per_unit: str, counter: str, ratio: str) -> str:
    """The name as it is, with its suffixes added, or moved to where they belong."""
    outermost_first = f"[if({ratio}, 'ratio', ''), if({counter}, 'total', ''), {per_unit}]"
    has_suffix = "suffix != '' AND endsWith(name, suffix) AND length(name) > length(suffix) + 1"
    cut = "substringUTF8(name, 1, lengthUTF8(name) - lengthUTF8(suffix) - 1)"
    stem = f"arrayFold((name, suffix) -> if({has_suffix}, {cut}, name), {outermost_first}, {name})"
    with_unit = _let("name", stem, f"if(endsWith(name, {unit}), name, concat(name, '_', {unit}))")
    suffixes = f"arrayFilter(suffix -> suffix != '', arrayReverse({outermost_first}))"
    return f"arrayStringConcat(arrayPushFront({suffixes}, {with_unit}), '_')"


def unit(text: str) -> str:
    """``{unit m.unit}``: a UCUM unit in Prometheus' words, up to its slash."""
    return _in_words(f"replaceRegexpOne({text}, '(?s)/.*', '')", UNITS)


def per_unit(text: str) -> str:
    """``{per_unit m.unit}``: what the unit is divided by, `per_second` for `By/s`; empty where there is no divisor."""
    divisor = _in_words(f"replaceRegexpOne({text}, '^[^/]*/?', '')", PER_UNITS)
    return f"replaceRegexpOne({divisor}, '^(.)', 'per_\\\\1')"


def unit_text(argument: str) -> str:
    """``{unit_text unit per_unit}``: the whole unit as metadata shows it: `bytes_per_second`."""
    words = ", ".join(_cleaned(word) for word in argument.split())
    return f"replaceRegexpAll(arrayStringConcat(arrayFilter(word -> word != '', [{words}]), '_'), '^_|_$', '')"


def _in_words(text: str, words: Mapping[str, str]) -> str:
    """A unit in words; itself where it has none, and nothing for an annotation in braces."""
    units, texts = (", ".join(f"'{text}'" for text in column) for column in (words.keys(), words.values()))
    trimmed = rf"replaceRegexpAll({text}, '(?s)^.*[{{}}].*$|^\\s+|\\s+$', '')"
    return _let("word", trimmed, f"transform(word, [{units}], [{texts}], word)")


def _cleaned(text: str) -> str:
    return f"replaceRegexpOne(replaceRegexpAll({text}, '[^a-zA-Z0-9:]+', '_'), '^_', '')"


def label_names(argument: str) -> str:
    """``{label_names keys names}``: the label of each attribute key.

    All keys of a row are one text, of which there are few, each translated once: that is what LowCardinality does here.
    A line is a key; a line break inside a key would become an underscore anyway.
    """
    keys, names = argument.split()
    text = rf"toLowCardinality(arrayStringConcat(arrayMap(key -> translate(key, '\n', '.'), {keys}), '\n'))"
    for pattern, replacement in (
        (r"[^a-zA-Z0-9_\\n]", "_"),
        (r"(?m)^([0-9])", rf"{KEYLESS}\\1"),
        (r"(?m)^_([^_])", rf"{KEYLESS}\\1"),
        (r"(?m)^$", KEYLESS),
    ):
        text = f"replaceRegexpAll({text}, '{pattern}', '{replacement}')"
    return f"if({names} = {MetricNames.UNDERSCORES.value} AND notEmpty({keys}), splitByChar('\\n', {text}), {keys})"


def label_values(values: str) -> str:
    """``{label_values values}``: the text of each attribute value; ``values`` are the bytes of AnyValues.

    Numbers and booleans are written as Prometheus writes them, bytes as base64; arrays and maps are kept undecoded.
    """
    # where a text begins behind its tag and its length follows from the size of the whole
    sizes = {130: 3, 16387: 4, 2097156: 5, 268435461: 6}
    start = "multiIf(" + "".join(f"length(v) < {size}, {first}, " for size, first in sizes.items()) + "7)"
    content = f"substring(v, {start})"
    cases = {
        r"\n": f"toValidUTF8({content})",  # valid it is already, but for a message that no protobuf library writes
        r"\x10": "if(v = '\\x10\\0', 'false', 'true')",
        r"\x18": _let("bytes", "reinterpretAsUInt64(substring(v, 2, 8))", f"toString({_VARINT})"),
        r"\x21": _let("number", "reinterpretAsFloat64(substring(v, 2, 8))", _FLOAT),
        r"\x3a": f"base64Encode({content})",
        # as in the other signals' attributes where they are too deep: see dialect.json_of_value
        r"\x2a": f"""concat('{{"$pb5":"', base64Encode({content}), '"}}')""",
        r"\x32": f"""concat('{{"$pb6":"', base64Encode({content}), '"}}')""",
    }
    by_tag = ", ".join(f"startsWith(v, '{tag}'), {text}" for tag, text in cases.items())
    is_short_text = "startsWith(v, '\\n') AND length(v) < 130"
    return f"arrayMap(v -> if({is_short_text}, toValidUTF8(substring(v, 3)), multiIf({by_tag}, '')), {values})"


# An integer in base 128: seven bits of each byte, the lowest first. `bytes` are the first eight of at most ten.
_HIGH = "reinterpretAsUInt64(substring(v, 10, 2))"
_VARINT = (
    "reinterpretAsInt64("
    + " + ".join(f"bitAnd(bitShiftRight(bytes, {n}), {0x7F << 7 * n})" for n in range(8))
    + f" + bitShiftLeft(bitAnd({_HIGH}, 127), 56) + bitShiftLeft(bitAnd({_HIGH}, 256), 55))"
)
_SPELLED = "transform(toString(number), ['inf', '-inf', 'nan'], ['+Inf', '-Inf', 'NaN'])"
_FLOAT = rf"replaceRegexpOne({_SPELLED}, 'e([0-9])', 'e+\\1')"


def merged_labels(argument: str) -> str:
    """``{merged_labels keys names values identity}``: attributes and the resource's identity as a sorted map.

    Attributes whose names became the same are joined by `;` in the order of their keys; job and instance of the
    resource win over attributes; a label without a value is no label. Few points have that: they take a longer path.
    """
    keys, names, values, identity = argument.split()
    all_names, all_values = f"arrayConcat({identity}.1, {names})", f"arrayConcat({identity}.2, {values})"
    plain = f"mapSort(CAST(({all_names}, {all_values}), 'Map(String, String)'))"
    rows = f"arraySort(arrayZip({names}, {keys}, arrayEnumerate({keys}), {values}))"
    firsts = "arrayMap((name, before) -> name != before, rows.1, arrayPopBack(arrayPushFront(rows.1, '')))"
    texts = "arraySlice(group.4, greatest(arrayFirstIndex(text -> text != '', group.4), 1))"
    text = f"if(arrayAll(text -> text = '', group.4), '', arrayStringConcat({texts}, ';'))"
    label = f"(if(group[1].1 = '', '{KEYLESS}', group[1].1), {text})"
    groups = _let("rows", rows, f"arrayMap(group -> {label}, arraySplit((row, first) -> first, rows, {firsts}))")
    kept = f"arrayFilter(label -> label.2 != '' AND label.1 != '__name__' AND NOT has({identity}.1, label.1), {groups})"
    joined = f"mapSort(CAST(arrayConcat(arrayZip({identity}.1, {identity}.2), {kept}), 'Map(String, String)'))"
    simple = (
        f"length(arrayCompact(mapKeys({plain}))) = length({all_names}) "
        f"AND NOT has({values}, '') AND NOT hasAny({names}, ['', '__name__'])"
    )
    return f"if({simple}, {plain}, {joined})"


def series_id(argument: str) -> str:
    """``{series_id metric labels}``: what names a series in every table, for OTLP, remote write and scrapes alike.

    ``labels`` is the final label set without `__name__`, sorted by name: a Map or an Array(Tuple(String, String)).
    """
    metric, labels = argument.split()
    return f"cityHash64(toString({metric}), {labels})"


def float_text(number: str) -> str:
    """``{float_text x}``: `le` and `quantile` as Go's ``FormatFloat(x, 'f', -1, 64)`` writes them."""
    digits, exponent = "replaceAll(part[1], '.', '')", "toInt32OrZero(part[2])"
    zeros_behind = f"concat({digits}, repeat('0', {exponent} - length({digits}) + 1))"
    zeros_before = f"concat('0.', repeat('0', -{exponent} - 1), {digits})"
    unfolded = f"if({exponent} > 0, {zeros_behind}, {zeros_before})"
    sign = f"if({number} < 0, '-', '')"
    plain = f"transform(toString({number}), ['inf', '-inf', 'nan'], ['+Inf', '-Inf', 'NaN'])"
    parts = f"splitByChar('e', toString(abs({number})))"
    return f"if(match(toString({number}), 'e'), concat({sign}, {_let('part', parts, unfolded)}), {plain})"


def _let(name: str, value: str, body: str) -> str:
    """SQL for ``body`` in which ``name`` stands for ``value``, computed once."""
    return f"arrayMap({name} -> {body}, [{value}])[1]"


WORDS: Mapping[str, Callable[[str], str]] = {
    "metric_name": metric_name,
    "unit": unit,
    "per_unit": per_unit,
    "unit_text": unit_text,
    "label_names": label_names,
    "label_values": label_values,
    "merged_labels": merged_labels,
    "series_id": series_id,
    "float_text": float_text,
}
