"""Label sets of series, as Prometheus and Loki have them.

A label set is a tuple of (name, value) pairs in the order of their names; an empty value is the same as no label.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

Labels = tuple[tuple[str, str], ...]

METRIC_NAME: Final = "__name__"


def labels_of(mapping: Mapping[str, str]) -> Labels:
    """The label set of a mapping.

    >>> labels_of({"job": "api", "__name__": "up", "zone": ""})
    (('__name__', 'up'), ('job', 'api'))
    """
    return tuple(sorted((name, value) for name, value in mapping.items() if value))


def value_of(labels: Labels, name: str) -> str:
    """The value of a label, or "".

    >>> value_of((("job", "api"),), "job"), value_of((), "job")
    ('api', '')
    """
    for candidate, value in labels:
        if candidate == name:
            return value
    return ""


def without(labels: Labels, names: Collection[str]) -> Labels:
    """The label set without these names.

    >>> without((("__name__", "up"), ("job", "api")), {"__name__"})
    (('job', 'api'),)
    """
    return tuple(pair for pair in labels if pair[0] not in names)


def only(labels: Labels, names: Collection[str]) -> Labels:
    """The label set with no other than these names.

    >>> only((("__name__", "up"), ("job", "api")), ["job"])
    (('job', 'api'),)
    """
    return tuple(pair for pair in labels if pair[0] in names)
