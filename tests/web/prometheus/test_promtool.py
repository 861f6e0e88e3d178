"""The genuine promtool asks: Debian's package `prometheus` has it."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from fastapi import FastAPI

pytestmark = [
    pytest.mark.usefixtures("metrics"),
    pytest.mark.skipif(
        shutil.which("promtool") is None, reason="promtool is not installed: apt-get install prometheus"
    ),
]
AT = "1700000000"


@pytest.fixture
def promtool(app: FastAPI, listening: Any) -> Any:
    address = f"{listening(app)}/prometheus"

    def run(command: str, *arguments: str, options: tuple[str, ...] = ()) -> tuple[int, list[str], str]:
        found = subprocess.run(
            ["promtool", "query", command, *options, address, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return found.returncode, sorted(found.stdout.splitlines()), found.stderr

    return run


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        (
            "requests_total",
            [
                'requests_total{instance="api:80", job="api"} => 300 @[1700000000]',
                'requests_total{instance="web:80", job="web"} => 2.5 @[1700000000]',
            ],
        ),
        ("1 / 0", ["scalar: +Inf @[1700000000]"]),
        ("rate(requests_total{job='web'}[5m]) * 60", ['{instance="web:80", job="web"} => 0.25 @[1700000000]']),
        ("odd", ['odd{a="<\\"\\\\\\n>&"} => +Inf @[1700000000]']),
        ("nothing", [""]),
    ],
)
def test_an_instant_query(promtool: Any, query: str, lines: list[str]) -> None:
    assert promtool("instant", query, options=(f"--time={AT}",)) == (0, lines, "")


def test_a_range_query(promtool: Any) -> None:
    options = ("--start=1699999940", f"--end={AT}", "--step=60s")
    code, lines, _ = promtool("range", "requests_total{job='api'}", options=options)

    assert code == 0
    assert lines == [
        "270 @[1699999940]",
        "300 @[1700000000]",
        'requests_total{instance="api:80", job="api"} =>',
    ]


def test_series(promtool: Any) -> None:
    options = ("--match=gone", "--match=odd", f"--end={AT}", "--start=1699990000")

    assert promtool("series", options=options) == (
        0,
        ['{__name__="gone", job="api"}', '{__name__="odd", a="<\\"\\\\\\n>&"}'],
        "",
    )


def test_label_values(promtool: Any) -> None:
    assert promtool("labels", "job", options=(f"--end={AT}", "--start=1699990000")) == (0, ["api", "web"], "")


def test_an_error(promtool: Any) -> None:
    code, lines, said = promtool("instant", "sum(")

    assert (code, lines) == (1, [])
    assert 'bad_data: invalid parameter "query": 1:5: parse error: unclosed left parenthesis' in said
