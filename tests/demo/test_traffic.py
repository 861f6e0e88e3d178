"""Traffic and incidents as data: reproducible, seasonal, and written down."""

from __future__ import annotations

import itertools
import json

from sonde.demo.traffic.incident import CYCLE_SECONDS, QUIET_SECONDS, SCRIPT, schedule, write_ground_truth
from sonde.demo.traffic.visit import CHOICES, DAY_SECONDS, VISITS_PER_SECOND, visits


def first(seed: int, seconds: float) -> list:
    return list(itertools.takewhile(lambda visit: visit.at_seconds < seconds, visits(seed)))


def test_the_same_seed_gives_the_same_visits_and_another_seed_others():
    assert first(7, 60) == first(7, 60)
    assert first(7, 60) != first(8, 60)


def test_visits_come_in_order_at_the_promised_rate():
    day = first(7, DAY_SECONDS)
    assert [visit.at_seconds for visit in day] == sorted(visit.at_seconds for visit in day)
    assert 0.9 < len(day) / (DAY_SECONDS * VISITS_PER_SECOND) < 1.1
    assert 15 <= sum(len(visit.steps) for visit in day) / DAY_SECONDS <= 25


def test_evenings_are_busier_than_nights():
    day = first(7, DAY_SECONDS)
    evening = sum(1 for visit in day if visit.at_seconds < DAY_SECONDS / 2)
    assert evening > 1.3 * (len(day) - evening)


def test_every_kind_of_step_happens_and_chooses_a_row_that_exists():
    steps = [step for visit in first(7, DAY_SECONDS) for step in visit.steps]
    assert {step.what for step in steps} == set(CHOICES)
    assert all(0 <= step.choice < len(CHOICES[step.what]) for step in steps)


def test_incidents_follow_a_quiet_start_do_not_overlap_and_repeat():
    two_cycles = list(itertools.islice(schedule(), 2 * len(SCRIPT)))
    assert two_cycles[0][0] == QUIET_SECONDS
    for (start, incident, _), (following, _, _) in itertools.pairwise(two_cycles):
        assert start + incident.duration_seconds < following
    assert two_cycles[len(SCRIPT)][0] == QUIET_SECONDS + CYCLE_SECONDS
    assert len({occurrence for _, _, occurrence in two_cycles}) == len(two_cycles)


def test_the_ground_truth_says_what_when_and_where_to_see_it(tmp_path):
    path = tmp_path / "ground-truth.jsonl"
    write_ground_truth(path, SCRIPT[0], "slow_llm-1", 1_700_000_000.0, 1_700_000_060.5)
    write_ground_truth(path, SCRIPT[1], "error_burst-1", 1_700_000_100.0, 1_700_000_145.0)
    line, _ = [json.loads(text) for text in path.read_text().splitlines()]
    assert line | {"expected": None} == {
        "id": "slow_llm-1",
        "kind": "slow_llm",
        "service": "backend-api",
        "cause": "the provider answers eight times as slowly",
        "start": "2023-11-14T22:13:20.000+00:00",
        "end": "2023-11-14T22:14:20.500+00:00",
        "start_unix_nano": 1_700_000_000_000_000_000,
        "end_unix_nano": 1_700_000_060_500_000_000,
        "expected": None,
    }
    assert {expected["signal"] for expected in line["expected"]} == {"metrics", "traces", "llm_calls"}
