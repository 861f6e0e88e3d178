"""Flapping: an alert that changes its state again and again is told once as flapping, then not before it is calm.

While it flaps, everybody but the record of its changes sees it firing since it began to, with an annotation
``flapping`` that says why; so it is neither told to have ended nor told anew. When it has been calm its state is told.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from sonde.notify.alert import Alert
from sonde.notify.response.node import Node
from sonde.telemetry.duration import duration_text

ANNOTATION = "flapping"


@dataclass(frozen=True, slots=True)
class FlappingPolicy:
    """More changes than that within the window: flapping, until calm for so long. Times are nanoseconds."""

    changes: int
    window: int
    calm: int


@dataclass(frozen=True, slots=True)
class Changes:
    """How an alert has changed its state lately."""

    fingerprint: int
    fires: bool = False
    """What it changed to last."""
    at: tuple[int, ...] = ()
    """When it changed, within the window or since it flaps; oldest first."""
    since: int = 0
    """When it began to flap; 0: it does not."""
    shown_since: int = 0
    """When the firing began as which it is shown while it flaps."""
    news_at: int = 0
    """When there was something to tell about it: it began to flap, or is calm and fires."""

    def document(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), separators=(",", ":"))


def changes_of(document: str) -> Changes:
    """What ``document`` wrote.

    >>> changes_of(Changes(1, True, (2, 3)).document())
    Changes(fingerprint=1, fires=True, at=(2, 3), since=0, shown_since=0, news_at=0)
    """
    fields = json.loads(document)
    return Changes(**{**fields, "at": tuple(fields["at"])})


def changed(known: Changes, policy: FlappingPolicy, alert: Alert, now: int) -> Changes:
    """The record after an alert was posted, or is looked at again.

    >>> policy = FlappingPolicy(changes=2, window=100, calm=50)
    >>> record = Changes(1)
    >>> for at in (10, 20, 30):
    ...     fires = not record.fires
    ...     record = changed(record, policy, Alert((), starts_at=at if fires else 1, ends_at=0 if fires else at), at)
    >>> record.fires, record.at, record.since, record.shown_since
    (True, (10, 20, 30), 30, 30)
    """
    times = _missed(known, alert, now)
    if not times:
        return known
    fires = not known.fires if len(times) % 2 else known.fires
    if known.since:
        # The last one says when it is calm.
        return replace(known, fires=fires, at=times[-1:])
    lately = tuple(at for at in (*known.at, *times) if at > now - policy.window)[-(policy.changes + 1) :]
    if len(lately) <= policy.changes:
        return replace(known, fires=fires, at=lately)
    return replace(known, fires=fires, at=lately, since=now, shown_since=alert.starts_at, news_at=now)


def _missed(known: Changes, alert: Alert, now: int) -> tuple[int, ...]:
    """When the alert changed since it was looked at last."""
    fires = not alert.resolved_at(now)
    if fires != known.fires:
        return (min(alert.starts_at or now, now) if fires else alert.ends_at,)
    last = known.at[-1] if known.at else 0
    if fires and known.at and alert.starts_at > last:
        # It has ended without a word and begun again; when it ended nobody knows better.
        return alert.starts_at, alert.starts_at
    return ()


def calm_at(record: Changes, policy: FlappingPolicy) -> int:
    """When a flapping alert will have been calm for long enough."""
    return max(record.since, record.at[-1] if record.at else 0) + policy.calm


def calmed(record: Changes, policy: FlappingPolicy, now: int) -> Changes:
    """The record at a later time: an alert that has been calm flaps no more, and if it fires that is news.

    >>> record = Changes(1, True, (30,), since=30)
    >>> calmed(record, FlappingPolicy(2, 100, 50), 80)
    Changes(fingerprint=1, fires=True, at=(), since=0, shown_since=0, news_at=80)
    """
    if not record.since or now < calm_at(record, policy):
        return record
    return Changes(record.fingerprint, record.fires, news_at=now if record.fires else 0)


def shown(record: Changes, policy: FlappingPolicy, alert: Alert) -> Alert:
    """An alert as it is told; one that flaps fires and says so.

    >>> record = Changes(1, False, (10, 20, 30), since=30, shown_since=30)
    >>> shown(record, FlappingPolicy(2, 1800 * 10**9, 50), Alert((), (), 30, 31)).annotations
    (('flapping', 'changed its state more than 2 times within 30m'),)
    """
    if not record.since:
        return alert
    text = f"changed its state more than {policy.changes} times within {duration_text(policy.window // 10**6)}"
    annotations = tuple(sorted({**dict(alert.annotations), ANNOTATION: text}.items()))
    return replace(alert, annotations=annotations, starts_at=record.shown_since, ends_at=0)


def read_flapping(node: Node) -> FlappingPolicy | None:
    """The section ``flapping``."""
    if not node.is_given:
        return None
    fields = node.fields("changes", "window", "calm", needed=("changes", "window", "calm"))
    policy = FlappingPolicy(fields["changes"].integer(), fields["window"].duration(), fields["calm"].duration())
    if fields["changes"].is_given and not 2 <= policy.changes <= 1000:
        fields["changes"].refuse("changes must be from 2 to 1000")
    for name in ("window", "calm"):
        if fields[name].is_given and not fields[name].duration():
            fields[name].refuse(f"{name} must be longer than nothing")
    return policy
