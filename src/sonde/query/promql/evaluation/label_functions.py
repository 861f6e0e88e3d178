"""``label_replace`` and ``label_join``, which look at labels alone, and the templates of the former."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from sonde.errors import UserError
from sonde.query.promql.ast import Call
from sonde.query.promql.evaluation.frame import Frame, execution_error, text_of, texts_of
from sonde.query.promql.evaluation.merge import merged
from sonde.query.promql.series import Vector
from sonde.telemetry.labels import METRIC_NAME, Labels, value_of
from sonde.telemetry.matcher import compiled
from sonde.telemetry.quoting import is_utf8, replaced

_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")


def with_label(labels: Labels, name: str, value: str) -> Labels:
    """The label set with another value for a label; without it if that is empty.

    >>> with_label((("job", "api"),), "zone", "a"), with_label((("job", "api"),), "job", "")
    ((('job', 'api'), ('zone', 'a')), ())
    """
    others = [pair for pair in labels if pair[0] != name]
    return tuple(sorted([*others, (name, value)] if value else others))


def is_label_name(name: str) -> bool:
    """Whether a text may name a label: any UTF-8 may but nothing. What is no UTF-8 came in as surrogates or U+FFFD."""
    return bool(name) and is_utf8(name)


def expanded(template: str, match: Any) -> str:
    """A template with ``$1``, ``${name}`` and ``$$`` filled in; what the expression does not have is empty."""

    def value(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        if name.isdecimal():
            number = int(name)
            return str(match.group(number) or "") if number <= match.re.groups else ""
        return str(match.group(name) or "") if name in match.re.groupindex else ""

    return _REFERENCE.sub(value, template)


def label_replace(call: Call, frame: Frame) -> Vector:
    """Set a label from what an expression finds in another."""
    target, template, source, pattern = texts_of(call, 1)
    try:
        expression = compiled(pattern)
    except UserError:
        raise execution_error(f"invalid regular expression in label_replace(): {replaced(pattern)}") from None
    if not is_label_name(target):
        raise execution_error(f"invalid destination label name in label_replace(): {replaced(target)}")
    template = replaced(template)
    vector = frame.vector(call.arguments[0])
    drop_name = _dropping(vector)
    labels: list[Labels] = []
    for row, series in enumerate(vector.labels):
        match = expression.fullmatch(value_of(series, source))
        if match is None:
            labels.append(series)
            continue
        labels.append(with_label(series, target, expanded(template, match)))
        if target == METRIC_NAME:
            drop_name[row] = False
    return merged(Vector(labels, vector.values, vector.present, vector.histograms, drop_name))


def label_join(call: Call, frame: Frame) -> Vector:
    """Set a label to other labels' values, joined."""
    target, separator = text_of(call.arguments[1]), replaced(text_of(call.arguments[2]))
    sources = texts_of(call, 3)
    for source in sources:
        if not is_label_name(source):
            raise execution_error(f"invalid source label name in label_join(): {replaced(source)}")
    if not is_label_name(target):
        raise execution_error(f"invalid destination label name in label_join(): {replaced(target)}")
    vector = frame.vector(call.arguments[0])
    labels = [
        with_label(series, target, separator.join(value_of(series, source) for source in sources))
        for series in vector.labels
    ]
    drop_name = _dropping(vector)
    if target == METRIC_NAME:
        drop_name[:] = False
    return merged(Vector(labels, vector.values, vector.present, vector.histograms, drop_name))


def _dropping(vector: Vector) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.zeros(len(vector.labels), dtype=np.bool_) if vector.drop_name is None else vector.drop_name.copy()


FUNCTIONS: Final[Mapping[str, Callable[[Call, Frame], Vector]]] = {
    "label_join": label_join,
    "label_replace": label_replace,
}
