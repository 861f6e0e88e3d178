"""An alert as the pipeline knows it: labels say which one it is, times say whether it fires; later posts are merged in.

Alerts come from rules and from ``POST /api/v2/alerts``; they go to the groups of ``group``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sonde.errors import UserError
from sonde.telemetry.labels import Labels
from sonde.telemetry.quoting import is_utf8, quote

_FNV_OFFSET: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
_SEPARATOR: Final = b"\xff"
MOST_CHARACTERS: Final = 1 << 16
"""Of all labels of an alert together, and of all annotations: what is longer fits into no message."""
_FIRST: Final = ("job", "instance")
"""Labels by which alerts are sorted before all others."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. ``ends_at`` in the future, or 0, means that it fires."""

    labels: Labels
    annotations: Labels = ()
    starts_at: int = 0
    ends_at: int = 0
    updated_at: int = 0
    timeout: bool = False
    """The sender gave no end: ``ends_at`` is only when we stop believing in the alert."""
    generator_url: str = ""

    @property
    def fingerprint(self) -> int:
        """The number of its label set, the same as in Prometheus and Alertmanager."""
        return fingerprint_of(self.labels)

    @property
    def name(self) -> str:
        """The label ``alertname``, or ""."""
        return next((value for name, value in self.labels if name == "alertname"), "")

    def resolved_at(self, now: int) -> bool:
        """Whether it has ended.

        >>> Alert((), ends_at=5).resolved_at(4), Alert((), ends_at=5).resolved_at(5), Alert(()).resolved_at(5)
        (False, True, False)
        """
        return self.ends_at != 0 and self.ends_at <= now


@functools.lru_cache(maxsize=1 << 17)
def fingerprint_of(labels: Labels) -> int:
    """FNV-1a of the sorted labels.

    >>> fingerprint_text(fingerprint_of((("alertname", "HighLatency"), ("service", "shop"))))
    '6d49e3b399115d61'
    >>> fingerprint_text(fingerprint_of(()))
    'cbf29ce484222325'
    """
    text = b"".join(part.encode("utf-8", "surrogateescape") + _SEPARATOR for label in labels for part in label)
    number = _FNV_OFFSET
    for byte in text:
        number = ((number ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return number


def fingerprint_text(fingerprint: int) -> str:
    """A fingerprint as it is shown: 16 hexadecimal digits."""
    return f"{fingerprint:016x}"


def labels_text(labels: Labels) -> str:
    """A label set as Go shows it.

    >>> labels_text((("a", "1"), ("b", "2")))
    '{a="1", b="2"}'
    """
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels) + "}"


@dataclass(frozen=True, slots=True)
class PostedAlert:
    """An alert as a sender words it; times may be missing."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: int = 0
    ends_at: int = 0
    generator_url: str = ""

    def accepted(self, now: int, *, resolve_timeout: int) -> Alert:
        """The alert with what is missing filled in.

        Raises:
            UserError: it has no labels, or ends before it begins, in Alertmanager's words; or it is too long.

        >>> posted = PostedAlert({"alertname": "Down", "empty": ""}, {})
        >>> alert = posted.accepted(1000, resolve_timeout=300)
        >>> alert.labels, alert.starts_at, alert.ends_at, alert.timeout
        ((('alertname', 'Down'),), 1000, 1300, True)
        >>> PostedAlert({}, {}).accepted(1000, resolve_timeout=300)
        Traceback (most recent call last):
        sonde.errors.UserError: at least one label pair required [alert.invalid]
        """
        starts_at = self.starts_at or self.ends_at or now
        if self.ends_at and self.ends_at < starts_at:
            raise _invalid("start time must be before end time")
        labels = tuple(sorted((name, value) for name, value in self.labels.items() if value != ""))
        if not labels:
            raise _invalid("at least one label pair required")
        annotations = tuple(sorted(self.annotations.items()))
        _check("label set", labels)
        _check("annotations", annotations)
        return Alert(
            labels,
            annotations,
            starts_at,
            self.ends_at or now + resolve_timeout,
            updated_at=now,
            timeout=not self.ends_at,
            generator_url=self.generator_url,
        )


def _check(kind: str, labels: Labels) -> None:
    if sum(len(name) + len(value) for name, value in labels) > MOST_CHARACTERS:
        raise _invalid(f"invalid {kind}: it has more than {MOST_CHARACTERS} characters")
    for name, value in labels:
        if not name or not is_utf8(name):
            raise _invalid(f"invalid {kind}: invalid name {quote(name)}")
        if not is_utf8(value):
            raise _invalid(f"invalid {kind}: invalid value {quote(value)}")


def _invalid(what: str) -> UserError:
    return UserError(what, code="alert.invalid")


def merged(old: Alert, new: Alert, now: int) -> Alert:
    """A new post of an alert that is known: joined when the two overlap in time, else the new one as it is.

    >>> old = Alert((), starts_at=10, ends_at=100, updated_at=10)
    >>> merged(old, Alert((), starts_at=20, ends_at=200, updated_at=20), 20).starts_at
    10
    >>> merged(old, Alert((), starts_at=150, ends_at=200, updated_at=150), 150).starts_at
    150
    """
    ends_inside = old.starts_at < new.ends_at < old.ends_at
    starts_inside = old.starts_at < new.starts_at < old.ends_at
    return _joined(old, new, now) if ends_inside or starts_inside else new


def _joined(old: Alert, new: Alert, now: int) -> Alert:
    if new.updated_at < old.updated_at:
        return _joined(new, old, now)
    ends_at = new.ends_at
    if old.ends_at > new.ends_at:
        # Of two ends that have passed the later one is true; of ends to come, one that a sender gave.
        stays = old.resolved_at(now) if new.resolved_at(now) else not old.timeout
        ends_at = old.ends_at if stays else new.ends_at
    return replace(new, starts_at=min(old.starts_at, new.starts_at), ends_at=ends_at)


@functools.total_ordering
class _Name:
    """A label's name for sorting: who has the smaller name at the first difference comes last."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Name) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __lt__(self, other: _Name) -> bool:
        return self.text > other.text


_named: Final = functools.lru_cache(maxsize=4096)(_Name)


def labels_order(labels: Labels) -> tuple[Any, ...]:
    """A key that sorts label sets as Alertmanager does: fewer labels first, then by values.

    >>> sets = [(("b", "1"),), (("a", "2"),), (("a", "1"),), (("a", "0"), ("b", "0"))]
    >>> sorted(sets, key=labels_order)
    [(('b', '1'),), (('a', '1'),), (('a', '2'),), (('a', '0'), ('b', '0'))]
    """
    return (len(labels), *((_named(name), value) for name, value in labels))


@functools.lru_cache(maxsize=1 << 16)
def alert_order(labels: Labels) -> tuple[Any, ...]:
    """A key that sorts the alerts of a notification: by job, by instance, then as ``labels_order``.

    >>> sorted([(("a", "1"),), (("job", "x"),)], key=alert_order)
    [(('job', 'x'),), (('a', '1'),)]
    """
    known = dict(labels)
    return (*((name not in known, known.get(name, "")) for name in _FIRST), *labels_order(labels))
