"""`sonde metrics cardinality` against a server."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import Api, Sonde

PATH = "/api/v1/metrics/cardinality"
FOUND = {
    "first_day": "2026-11-20",
    "last_day": "2026-11-21",
    "series": 5,
    "metrics": 2,
    "label_names": 2,
    "label_pairs": 7,
    "by_metric": [{"metric": "up", "series": 3}],
    "by_label": [{"label": "job", "values": 3}],
    "by_label_bytes": [{"label": "job", "bytes": 15}],
    "by_pair": [{"label": "job", "value": "\x1b[2J", "series": 3}],
    "samples_by_metric": [{"metric": "up", "samples": 8}],
    "new_by_metric": [{"metric": "up", "series": 1}],
    "growth": [{"day": "2026-11-20", "series": 2, "new": 2, "gone": 0}],
}
LISTS = [
    ((), ["metric  series", "up           3"]),
    (("--by", "label"), ["label  values", "job         3"]),
    (("--by", "bytes"), ["label  bytes", "job       15"]),
    (("--by", "pair"), ["label  value    series", "job    \\x1b[2J       3"]),
    (("--by", "samples"), ["metric  samples", "up            8"]),
    (("--by", "new"), ["metric  series", "up           1"]),
    (("--by", "day"), ["day         series  new  gone", "2026-11-20       2    2     0"]),
]


@pytest.mark.parametrize(("arguments", "lines"), LISTS)
def test_each_list_is_a_table(sonde: Sonde, api: Api, arguments: tuple[str, ...], lines: list[str]) -> None:
    api.answer(PATH, FOUND)
    result = sonde("metrics", "cardinality", *arguments, "--server", api.url)

    shown = result.stdout.splitlines()
    assert (result.returncode, [shown[0], *shown[2:]]) == (0, lines)
    assert result.stderr == "2026-11-20 to 2026-11-21: 5 series of 2 metrics, 7 label pairs\n"


def test_the_question_reaches_the_server(sonde: Sonde, api: Api) -> None:
    api.answer(PATH, FOUND)
    result = sonde(
        *("metrics", "cardinality", '{job="api"}', "--start", "now-7d", "--limit", "3"),
        *("--tenant", "team", "--format", "json", "--server", api.url),
    )

    [(_, path, headers, _)] = api.asked
    assert json.loads(result.stdout) == FOUND
    assert "selector=%7Bjob%3D%22api%22%7D&start=now-7d&end=now&limit=3" in path
    assert headers["x-scope-orgid"] == "team"
