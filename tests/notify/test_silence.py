"""How silences change, and how long they are remembered."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from sonde.errors import NotFound, UserError
from sonde.notify.silence import RETENTION, Silence, Silences, SilenceState
from sonde.telemetry.matcher import Matcher

MATCHERS = (Matcher("a", "=", "b"),)
SECOND = 10**9


def silences() -> Silences:
    ids = map(str, itertools.count(1))
    return Silences((), new_id=lambda: next(ids), keep=lambda _: None)


@pytest.mark.parametrize(
    ("change", "now", "same_id"),
    [
        ({"ends_at": 200 * SECOND}, 50 * SECOND, True),
        ({"comment": "longer"}, 50 * SECOND, True),
        ({"starts_at": 20 * SECOND}, 50 * SECOND, False),
        ({"starts_at": 60 * SECOND}, 5 * SECOND, True),
        ({"starts_at": 3 * SECOND}, 5 * SECOND, False),
        ({"matchers": (Matcher("a", "=", "c"),)}, 50 * SECOND, False),
        ({"ends_at": 400 * SECOND}, 300 * SECOND, False),
    ],
)
def test_a_change_that_rewrites_the_past_makes_a_new_silence(change: dict[str, int], now: int, same_id: bool) -> None:
    known = silences()
    first = known.put(Silence(MATCHERS, 10 * SECOND, 100 * SECOND), SECOND)
    second = known.put(replace(first, **change), now)

    assert (second.id == first.id) is same_id
    if not same_id:
        assert known.get(first.id).state_at(now) is SilenceState.EXPIRED
        assert second.starts_at >= now


def test_a_silence_cannot_begin_in_the_past_and_ends_when_told_to() -> None:
    known = silences()
    silence = known.put(Silence(MATCHERS, SECOND, 100 * SECOND), 50 * SECOND)
    assert silence.starts_at == 50 * SECOND
    assert known.silencing(1, {"a": "b"}, 60 * SECOND) == (silence.id,)

    known.expire(silence.id, 70 * SECOND)
    assert known.silencing(1, {"a": "b"}, 70 * SECOND) == ()
    known.expire(silence.id, 80 * SECOND)
    assert known.get(silence.id).ends_at == 70 * SECOND


def test_what_nobody_knows_is_not_found() -> None:
    with pytest.raises(NotFound):
        silences().expire("x", 1)
    with pytest.raises(NotFound):
        silences().put(Silence(MATCHERS, 1, 2, id="x"), 1)
    with pytest.raises(UserError, match="end time must not be before start time"):
        silences().put(Silence(MATCHERS, 3, 2), 1)


def test_a_silence_is_forgotten_long_after_its_end() -> None:
    known = silences()
    known.put(Silence(MATCHERS, SECOND, 2 * SECOND), SECOND)

    assert known.collect(2 * SECOND + RETENTION - 1) == []
    assert known.collect(2 * SECOND + RETENTION) == ["1"]
