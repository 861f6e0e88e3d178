"""What Sonde answers is what a genuine Prometheus answers, byte for byte of each number, on the same data."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.compat.comparison import PLACES, Api, differences
from tests.compat.random_expressions import expressions

from sonde.errors import UserError
from sonde.query.promql.parser import parse
from sonde.query.promql.validate import value_type

pytestmark = pytest.mark.e2e
HERE = Path(__file__).parent

INEXACT = re.compile(r"\b(avg|stddev|stdvar|exp|ln|log2|log10|a?(sin|cos|tan)h?)(_over_time)?\b")
"""Prometheus 3 adds up with less loss than 2.42 does, and Go's functions of numbers round otherwise than C's."""

# Where Prometheus 3, whose API this is, answers otherwise than 2.42: what 2.42 says, and what is right.
SINCE = {
    'odd{text=~"a .*"}': ("a dot is a line feed too", '"result": []', "<é>"),
    "year(queue * NaN)": ("what Go makes of NaN differs between processors", "292277026596", "NaN"),
    'count_values("~", up)': ("any UTF-8 is a label name", "invalid label name", '"~"'),
    'label_replace(up, "1x", "b", "job", ".*")': ("any UTF-8 is a label name", "invalid destination", '"1x"'),
    "up offset 5": ("numbers are durations", "unexpected number", "success"),
    "5m": ("durations are numbers", "unexpected duration", '"300"'),
    "up[5x]": ("numbers are durations", "bad duration syntax", "bad number or duration syntax"),
    'up{a=~"("}': ("the user's own expression is shown", "`^(?:()$`", "`(`"),
    "temperature * on() temperature": ("duplicates are sorted", 'room="hall"}, {', 'room="cellar"}, {'),
    "stddev(vector(NaN))": ("NaN deviates by NaN", '"0"', '"NaN"'),
    "rate(rpc_seconds[5m])": ("2.42 loses integer histograms in ranges", '"count":"0"', '"count":"0.18'),
}


def lines(name: str) -> Iterator[str]:
    for line in (HERE / name).read_text().splitlines():
        if line and not line.startswith("# "):
            yield line


def endpoint_of(expression: str) -> str:
    """The endpoint that says most: a range of times, or one time if there can be no more."""
    with contextlib.suppress(UserError):
        if value_type(parse(expression)) in ("matrix", "string"):
            return "query"
    return "query_range"


@pytest.mark.parametrize("everywhere", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_answers_are_those_of_prometheus(sonde: Api, genuine: Api, everywhere: bool) -> None:
    found: list[str] = []
    for line in lines("expressions.txt"):
        endpoints = PLACES if everywhere else [endpoint_of(line)]
        found += differences(sonde, genuine, line, line, 1e-12 if INEXACT.search(line) else 0.0, endpoints)
    assert not found, "\n".join(found)


def test_what_is_newer_than_that_prometheus_answers_as_its_equal_in_older_words(sonde: Api, genuine: Api) -> None:
    found: list[str] = []
    for line in lines("newer_expressions.txt"):
        newer, older = line.split(" => ")
        found += differences(sonde, genuine, newer, older, 1e-12, ["query_range"])
        assert sonde.evaluated(newer, "query")[0] == 200, newer
    assert not found, "\n".join(found)


@pytest.mark.parametrize("expression", SINCE)
def test_what_changed_since_that_prometheus_is_as_it_is_now(sonde: Api, genuine: Api, expression: str) -> None:
    _, then, now = SINCE[expression]
    parameters = {"query": expression, **PLACES["query"]}
    before, after = (api.ask("GET", "/api/v1/query", parameters)[2].decode() for api in (genuine, sonde))
    before, after = (
        text.replace('\\"', '"').replace("\\u003c", "<").replace("\\u003e", ">") for text in (before, after)
    )
    assert then.replace(": ", ":") in before or then in before
    assert now in after


@pytest.mark.parametrize(("seed", "count"), [(1, 50), pytest.param(2, 1500, marks=pytest.mark.slow)])
def test_random_expressions_answer_as_in_prometheus(sonde: Api, genuine: Api, seed: int, count: int) -> None:
    found: list[str] = []
    for text in expressions(seed, count):
        found += differences(sonde, genuine, text, text, 1e-9)
    assert not found, "\n".join(found)
