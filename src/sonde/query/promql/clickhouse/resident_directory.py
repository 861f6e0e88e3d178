"""The series of one metric in memory, found by their labels: an index for each label that was asked for.

All is immutable but for what is remembered: indexes, and what selectors have selected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonde.query.promql.series import Integers
from sonde.telemetry.labels import METRIC_NAME, Labels, value_of
from sonde.telemetry.matcher import Matcher

Ids = NDArray[np.uint64]
Index = dict[str, Integers]
"""The places of the series that have a value, by value, ascending."""
_MOST_CHOSEN: Final = 4_096
_MOST_PLACES: Final = 1_000_000
"""Of all selections that are remembered, together."""
_FEW: Final = 500
"""So many series are looked at one by one, where there is no index yet."""


@dataclass(slots=True)
class _Chosen:
    """What selectors have selected."""

    places: dict[tuple[Matcher, ...], Integers] = field(default_factory=dict)
    size: int = 0

    def remember(self, matchers: tuple[Matcher, ...], places: Integers) -> None:
        if len(self.places) >= _MOST_CHOSEN or self.size > _MOST_PLACES:
            self.places.clear()
            self.size = 0
        self.places[matchers] = places
        self.size += len(places)


@dataclass(frozen=True, slots=True)
class Directory:
    """The series of a metric. Each has a place, which it keeps."""

    labels: tuple[Labels, ...] = ()
    ids: Ids = field(default_factory=lambda: np.empty(0, np.uint64))
    _chosen: _Chosen = field(default_factory=_Chosen)
    _indexes: dict[str, Index] = field(default_factory=dict)
    _order: list[Integers] = field(default_factory=list)
    """The places in the order of their ids, once somebody has asked."""

    def with_series(self, found: Mapping[int, Labels]) -> Directory:
        """The same with series that are new."""
        known = set(self.ids.tolist())
        new = [(identifier, labels) for identifier, labels in found.items() if identifier not in known]
        if not new:
            return self
        added = [labels for _, labels in new]
        return Directory(
            (*self.labels, *added),
            np.concatenate((self.ids, np.array([identifier for identifier, _ in new], np.uint64))),
            _indexes={
                name: _extended(index, _index(added, name, len(self.labels)))
                for name, index in list(self._indexes.items())
            },
        )

    def places_of(self, ids: Ids) -> Integers:
        """The place of each id, -1 for strangers."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        if not self._order:
            self._order.append(np.argsort(self.ids))
        order = self._order[0]
        places = order[np.minimum(np.searchsorted(self.ids, ids, sorter=order), len(order) - 1)]
        return np.where(self.ids[places] == ids, places, -1)

    def remembers(self, matchers: Sequence[Matcher]) -> bool:
        """Whether it is known already what these select."""
        return _asked(matchers) in self._chosen.places

    def select(self, matchers: Sequence[Matcher]) -> Integers:
        """The places of the series that fit all matchers, in the order of their label sets."""
        asked = _asked(matchers)
        found = self._chosen.places.get(asked)
        if found is None:
            places = sorted(self._fitting(asked).tolist(), key=self.labels.__getitem__)
            found = np.array(places, np.int64)
            self._chosen.remember(asked, found)
        return found

    def _fitting(self, matchers: Sequence[Matcher]) -> Integers:
        exact = [matcher for matcher in matchers if matcher.operator == "=" and matcher.value]
        others = [matcher for matcher in matchers if matcher not in exact]
        none = np.empty(0, np.int64)
        found: Integers | None = None
        for part in sorted((self._index(matcher.name).get(matcher.value, none) for matcher in exact), key=len):
            found = part if found is None else np.intersect1d(found, part, assume_unique=True)
        for matcher in others:
            if found is not None and len(found) <= _FEW:
                kept = [
                    place for place in found.tolist() if matcher.matches(value_of(self.labels[place], matcher.name))
                ]
                found = np.array(kept, np.int64)
                continue
            parts = [places for value, places in self._index(matcher.name).items() if matcher.matches(value)]
            part = np.sort(np.concatenate([none, *parts]))
            found = part if found is None else np.intersect1d(found, part, assume_unique=True)
        return np.arange(len(self.labels)) if found is None else found

    def _index(self, name: str) -> Index:
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = _index(self.labels, name, 0)
        return index


def _asked(matchers: Sequence[Matcher]) -> tuple[Matcher, ...]:
    return tuple(matcher for matcher in matchers if matcher.name != METRIC_NAME)


def _index(labels: Sequence[Labels], name: str, first: int) -> Index:
    """The places by the values of a label; a series without it has the value ""."""
    found: dict[str, list[int]] = {}
    for place, series in enumerate(labels, start=first):
        found.setdefault(value_of(series, name), []).append(place)
    return {value: np.array(places, np.int64) for value, places in found.items()}


def _extended(index: Index, more: Index) -> Index:
    none = np.empty(0, np.int64)
    return {**index, **{value: np.concatenate((index.get(value, none), places)) for value, places in more.items()}}
