"""The series of one target: exposed labels in, the series that is stored out, with what the encoder knows of it.

Labels are changed as Prometheus does it: the target's labels are put on (or left off, with ``honor_labels``), the
job's ``metric_relabel_configs`` are applied, limits are checked. That happens once for each text of a series.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sonde.errors import UserError
from sonde.receivers.prometheus.relabel import Rule, relabel
from sonde.receivers.prometheus.write_labels import LabelFault, canonical
from sonde.receivers.protobuf import varint
from sonde.telemetry.labels import METRIC_NAME, Labels

EXPORTED: Final = "exported_"
"""Stands before the name of an exposed label that the target has too."""
NEVER: Final = -(2**63)

_SPARE_SERIES: Final = 1_000
_LEGACY_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LEGACY_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class SampleRules:
    """What a job does with the labels of its samples. A limit of 0 is none."""

    honor_labels: bool = False
    relabelling: tuple[Rule, ...] = ()
    legacy_names: bool = False
    label_limit: int = 0
    label_name_length_limit: int = 0
    label_value_length_limit: int = 0


def sample_labels(exposed: Labels, target: Labels, rules: SampleRules) -> Labels | None:
    """The labels under which a sample is stored; None if relabelling drops it.

    >>> sample_labels((("__name__", "up"), ("job", "x")), (("job", "api"),), SampleRules())
    (('__name__', 'up'), ('exported_job', 'x'), ('job', 'api'))
    >>> honest = SampleRules(honor_labels=True)
    >>> sample_labels((("__name__", "up"), ("job", "x")), (("job", "api"), ("zone", "a")), honest)
    (('__name__', 'up'), ('job', 'x'), ('zone', 'a'))

    Raises:
        UserError: They are beyond a limit, or cannot be those of a series.
    """
    labels = dict(exposed)
    if rules.honor_labels:
        labels = {**dict(target), **labels}
    else:
        put_aside = [(name, labels[name]) for name, _ in target if labels.get(name)]
        labels.update(target)
        for name, value in sorted(put_aside, key=lambda pair: len(pair[0])):
            labels[_free_name(name, labels)] = value
    kept = relabel(labels, rules.relabelling)
    if not kept:
        return None
    if METRIC_NAME not in kept:
        raise UserError("missing metric name (__name__ label)", code="scrape.metric_name")
    if rules.legacy_names and not _are_legacy(kept):
        raise UserError(f"invalid metric name or label names: {_shown(kept)}", code="scrape.names")
    _refuse_beyond(kept, rules)
    try:
        return tuple(canonical(list(kept.items())))
    except LabelFault as fault:
        raise UserError(f"{kept[METRIC_NAME][:50]} cannot be stored: {fault}", code="scrape.labels") from None


def _free_name(name: str, labels: Mapping[str, str]) -> str:
    while labels.get(name):
        name = EXPORTED + name
    return name


def report_labels(name: str, target: Labels) -> Labels:
    """The labels of a series that the scraper itself writes of a target.

    >>> report_labels("up", (("instance", "api:80"), ("job", "api")))
    (('__name__', 'up'), ('instance', 'api:80'), ('job', 'api'))
    """
    return tuple(sorted({METRIC_NAME: name, **dict(target)}.items()))


def _are_legacy(labels: Mapping[str, str]) -> bool:
    return _LEGACY_METRIC.fullmatch(labels[METRIC_NAME]) is not None and all(map(_LEGACY_LABEL.fullmatch, labels))


def _shown(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))[:200] + "}"


def _refuse_beyond(labels: Mapping[str, str], rules: SampleRules) -> None:
    """Prometheus' limits, in its words."""
    if not (rules.label_limit or rules.label_name_length_limit or rules.label_value_length_limit):
        return
    metric = labels[METRIC_NAME][:50]
    if rules.label_limit and len(labels) > rules.label_limit:
        raise UserError(
            f"label_limit exceeded (metric: {metric}, number of labels: {len(labels)}, limit: {rules.label_limit})",
            code="scrape.label_limit",
        )
    for name, value in sorted(labels.items()):
        length = len(name.encode())
        if rules.label_name_length_limit and length > rules.label_name_length_limit:
            raise UserError(
                f"label_name_length_limit exceeded (metric: {metric}, label name: {name[:50]}, length: {length}, "
                f"limit: {rules.label_name_length_limit})",
                code="scrape.label_name_length_limit",
            )
        length = len(value.encode())
        if rules.label_value_length_limit and length > rules.label_value_length_limit:
            raise UserError(
                f"label_value_length_limit exceeded (metric: {metric}, label name: {name[:50]}, "
                f'value: "{value[:50]}", length: {length}, limit: {rules.label_value_length_limit})',
                code="scrape.label_value_length_limit",
            )


class Series:
    """One series of a target. The same labels are the same object for as long as the target has them."""

    __slots__ = ("is_histogram", "labels", "last_milli", "references", "spelled_bytes", "symbols")

    def __init__(self, labels: Labels, symbols: Symbols) -> None:
        self.labels = labels
        self.symbols = symbols
        self.references = symbols.references(labels)
        """The field ``labels_refs`` of remote write's ``TimeSeries``, serialized."""
        self.is_histogram = False
        """Whether its last sample was a native histogram."""
        self.spelled_bytes = sum(len(name) + len(value) for name, value in labels)
        self.last_milli = NEVER
        """The time of its last sample, for series whose samples say their time themselves."""

    @property
    def name(self) -> str:
        """The name of the metric."""
        return next(value for name, value in self.labels if name == METRIC_NAME)


class Symbols:
    r"""The texts of requests: each has a number for as long as the table lives.

    >>> symbols = Symbols()
    >>> symbols.references((("job", "api"), ("zone", "api"))), len(symbols)
    (b'\n\x04\x01\x02\x03\x02', 4)
    >>> bytes(symbols.table)
    b'"\x00"\x03job"\x03api"\x04zone'
    """

    def __init__(self, base: Symbols | None = None) -> None:
        self._base = base
        self._first = len(base) if base else 0
        self._numbers: dict[str, int] = {}
        self._packed: dict[tuple[str, str], bytes] = {}
        self.table = bytearray()
        """The field ``symbols`` of remote write's ``Request``, serialized."""
        if base is None:
            self.number("")

    def __len__(self) -> int:
        return self._first + len(self._numbers)

    def number(self, text: str) -> int:
        """The number of a text. With a ``base``, texts that it lacks are added here."""
        if self._base is not None and (known := self._base.known(text)) is not None:
            return known
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self)
            raw = text.encode()
            self.table += b"\x22" + varint(len(raw)) + raw
        return number

    def known(self, text: str) -> int | None:
        """The number of a text, if it has one."""
        return self._numbers.get(text)

    def references(self, labels: Labels) -> bytes:
        """The field ``labels_refs`` (1) of a ``TimeSeries`` or an ``Exemplar``."""
        packed = b"".join([self._packed.get(pair) or self._pack(pair) for pair in labels])
        return b"\x0a" + varint(len(packed)) + packed

    def _pack(self, pair: tuple[str, str]) -> bytes:
        packed = self._packed[pair] = varint(self.number(pair[0])) + varint(self.number(pair[1]))
        return packed


class SeriesTable:
    """All series of a target, by their labels.

    Args:
        target: The labels of the target.
        rules: What the job does with labels.
    """

    def __init__(self, target: Labels, rules: SampleRules) -> None:
        self._target = target
        self._rules = rules
        self.symbols = Symbols()
        self.added = 0
        """How often ``resolve`` has given a series."""
        self._by_labels: dict[Labels, Series] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}

    def resolve(self, exposed: Labels) -> Series | None:
        """The series of exposed labels; None if its samples are dropped.

        Raises:
            UserError: Its labels are beyond a limit.
        """
        labels = sample_labels(exposed, self._target, self._rules)
        if labels is None:
            return None
        self.added += 1
        return self.series(labels)

    def series(self, labels: Labels) -> Series:
        """The series with just these labels."""
        found = self._by_labels.get(labels)
        if found is None:
            shared = tuple(self._shared(pair) for pair in labels)
            found = self._by_labels[shared] = Series(shared, self.symbols)
        return found

    def _shared(self, pair: tuple[str, str]) -> tuple[str, str]:
        """The pair that equal ones of other series are too: most series differ from others in one label only."""
        found = self._pairs.get(pair)
        if found is None:
            found = (sys.intern(pair[0]), sys.intern(pair[1]))
            self._pairs[found] = found
        return found

    def current(self, series: Series) -> Series:
        """The series itself, or if it was forgotten since it was resolved, the one with its labels."""
        if series.symbols is self.symbols:
            return series
        return self.series(series.labels)

    def report(self, name: str) -> Series:
        """A series that the scraper itself writes."""
        return self.series(report_labels(name, self._target))

    def forget(self, keep: Iterable[Series]) -> None:
        """Forget other series than these, once there are many. Their references are new ones then."""
        kept = {series.labels: series for series in keep}
        if len(self._by_labels) <= 2 * len(kept) + _SPARE_SERIES:
            return
        self.symbols = Symbols()
        self._pairs = {}
        self._by_labels = kept
        for series in kept.values():
            series.symbols = self.symbols
            series.references = self.symbols.references(series.labels)

    def change_rules(self, rules: SampleRules) -> None:
        """Resolve otherwise from now on; series that stay the same stay the same objects."""
        self._rules = rules
