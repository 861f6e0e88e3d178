"""Who is on call: everybody in order, always somebody, in summer and in winter."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.errors import UserError
from sonde.notify.response.on_call import Override, Rotation, Turn, new_rotation, on_call_at, parse_every, turns_from

HOUR = 3600 * 10**9
DAY = 24 * HOUR
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo"]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def local(nanoseconds: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(nanoseconds // 10**9, ZoneInfo(zone)):%a %d.%m. %H:%M}"


def berlin(people: str = "alice bob carol", every: str = "1w", handoff: str = "Monday 09:00") -> Rotation:
    return new_rotation("primary", people.split(), every, handoff, "Europe/Berlin", "2026-01-05")


def test_weeks_are_handed_over_on_monday_at_nine_in_winter_and_in_summer() -> None:
    turns = itertools.islice(turns_from(berlin(), (), at("2026-03-18T12:00:00Z")), 4)

    assert [(turn.person, local(turn.since, "Europe/Berlin")) for turn in turns] == [
        ("bob", "Mon 16.03. 09:00"),
        ("carol", "Mon 23.03. 09:00"),
        ("alice", "Mon 30.03. 09:00"),  # the clocks were put forward the day before
        ("bob", "Mon 06.04. 09:00"),
    ]


@pytest.mark.parametrize(
    ("every", "handoff", "since", "hours"),
    [
        ("1d", "09:00", "2026-03-28T12:00:00+01:00", [24 - 1, 24]),  # spring
        ("1d", "09:00", "2026-10-24T12:00:00+02:00", [24 + 1, 24]),  # autumn
        ("12h", "21:00", "2026-03-28T22:00:00+01:00", [11, 12, 12]),
        ("1w", "Monday 09:00", "2026-03-23T12:00:00+01:00", [168 - 1, 168]),
        ("1d", "02:30", "2026-03-28T12:00:00+01:00", [23.5, 23.5, 24]),  # 02:30 is left out: handed over at 03:00
        ("1d", "02:30", "2026-10-24T12:00:00+02:00", [24, 25, 24]),  # 02:30 comes twice: at the first
    ],
)
def test_a_turn_in_which_the_clock_changes_is_shorter_or_longer(
    every: str, handoff: str, since: str, hours: list[float]
) -> None:
    turns = itertools.islice(turns_from(berlin(every=every, handoff=handoff), (), at(since)), len(hours))

    assert [(turn.until - turn.since) / HOUR for turn in turns] == hours


def test_the_first_turn_begins_with_the_first_hand_off_after_the_start() -> None:
    rotation = new_rotation("primary", ["alice", "bob"], "1w", "Friday 17:00", "UTC", "2026-01-05")

    assert on_call_at(rotation, (), at("2026-01-09T17:00:00Z")) == "alice"
    assert on_call_at(rotation, (), at("2026-01-09T16:59:59Z")) == "bob"
    assert on_call_at(rotation, (), at("2026-01-16T17:00:00Z")) == "bob"


def test_overrides_cut_turns_and_the_last_one_made_is_true() -> None:
    rotation = berlin(every="1d", handoff="09:00")
    noon = at("2026-01-05T12:00:00+01:00")
    overrides = [
        Override("1", "primary", "dave", noon, noon + 6 * HOUR, made_at=1),
        Override("2", "primary", "erin", noon + 2 * HOUR, noon + 3 * HOUR, made_at=2),
        Override("3", "other", "nobody", noon, noon + DAY, made_at=3),
    ]
    turns = itertools.islice(turns_from(rotation, overrides, noon - HOUR), 5)

    assert [(turn.person, (turn.since - noon) / HOUR, turn.is_override) for turn in turns] == [
        ("alice", -3, False),
        ("dave", 0, True),
        ("erin", 2, True),
        ("dave", 3, True),
        ("alice", 6, False),
    ]


def test_an_override_across_hand_offs_is_one_turn() -> None:
    noon = at("2026-01-05T12:00:00+01:00")
    override = Override("1", "primary", "dave", noon, noon + 3 * DAY)
    rotation = berlin(every="1d", handoff="09:00")

    assert next(turns_from(rotation, [override], noon + DAY)) == Turn("dave", noon, noon + 3 * DAY, is_override=True)


@pytest.mark.parametrize("text", ["90m", "0h", "2y", "1.5d", "", "often"])
def test_turns_of_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(UserError):
        parse_every(text)


MOMENTS = st.integers(at("1995-01-01T00:00:00Z"), at("2060-01-01T00:00:00Z"))
ROTATIONS = st.builds(
    lambda people, every, hour, minute, zone: new_rotation(
        "primary", [f"p{number}" for number in range(people)], every, f"{hour:02}:{minute:02}", zone, "2026-01-05"
    ),
    people=st.integers(1, 5),
    every=st.sampled_from(["2h", "8h", "12h", "1d", "3d", "1w", "2w"]),
    hour=st.integers(0, 23),
    minute=st.sampled_from([0, 15, 30, 59]),
    zone=st.sampled_from(ZONES),
)


@given(ROTATIONS, MOMENTS)
def test_there_is_always_exactly_one_and_everybody_comes_in_order(rotation: Rotation, moment: int) -> None:
    turns = list(itertools.islice(turns_from(rotation, (), moment), 2 * len(rotation.people) + 1))

    assert turns[0].since <= moment < turns[0].until
    for before, after in itertools.pairwise(turns):
        assert before.until == after.since < after.until
        place = rotation.people.index(before.person)
        assert after.person == rotation.people[(place + 1) % len(rotation.people)]
    for turn in turns:
        assert {on_call_at(rotation, (), each) for each in (turn.since, turn.until - 1)} == {turn.person}


@given(
    ROTATIONS,
    MOMENTS,
    st.lists(st.tuples(st.integers(-72, 72), st.integers(1, 60), st.sampled_from(["dave", "p0"])), max_size=5),
)
def test_overrides_leave_no_gap_and_no_overlap(
    rotation: Rotation, moment: int, spans: list[tuple[int, int, str]]
) -> None:
    overrides = [
        Override(str(number), "primary", person, moment + since * HOUR, moment + (since + hours) * HOUR, made_at=number)
        for number, (since, hours, person) in enumerate(spans)
    ]
    turns = list(itertools.islice(turns_from(rotation, overrides, moment), 8))

    assert turns[0].since <= moment < turns[0].until
    for before, after in itertools.pairwise(turns):
        assert before.until == after.since < after.until
    for turn in turns:
        middle = (turn.since + turn.until) // 2
        assert {on_call_at(rotation, overrides, each) for each in (turn.since, middle, turn.until - 1)} == {turn.person}


@given(st.sampled_from(ZONES), st.dates(date(1996, 1, 1), date(2037, 1, 1)), st.integers(0, 1439))
def test_a_hand_off_is_when_the_clock_first_shows_its_time_or_has_passed_it(zone: str, day: date, minute: int) -> None:
    hour, minute = divmod(minute, 60)
    rotation = new_rotation("a", ["p"], "1d", f"{hour:02}:{minute:02}", zone, day.isoformat())
    begins = datetime.fromtimestamp(rotation.begins(0) / 10**9, UTC)

    shown = begins.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    before = (begins - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert before < rotation.first <= shown
