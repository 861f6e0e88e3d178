"""``GET /metrics/cardinality`` on a real store."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.query.promql.metric_rows import NOW, insert_series

DAY = 86_400_000
PATH = "/api/v1/metrics/cardinality"
RANGE = {"start": str(NOW // 1000 - 86_400), "end": str(NOW // 1000 + 1)}


@pytest.fixture(scope="module", autouse=True)
def _series(client: Any) -> None:
    series = [({"__name__": "up", "job": f"job-{n}"}, [(NOW - DAY * (n % 2), 1.0)]) for n in range(5)]
    insert_series(client, series, tenant="default")


async def test_cardinality_tells_what_there_is_most_of(http: httpx.AsyncClient) -> None:
    answer = await http.get(PATH, params={**RANGE, "limit": 1})

    found = answer.json()
    assert answer.status_code == 200, answer.text
    assert found.pop("stats")["rows_read"] > 0
    assert found == {
        "first_day": "2023-11-13",
        "last_day": "2023-11-14",
        "series": 5,
        "metrics": 1,
        "label_names": 2,
        "label_pairs": 6,
        "by_metric": [{"metric": "up", "series": 5}],
        "by_label": [{"label": "job", "values": 5}],
        "by_label_bytes": [{"label": "job", "bytes": 25}],
        "by_pair": [{"label": "__name__", "value": "up", "series": 5}],
        "samples_by_metric": [{"metric": "up", "samples": 5}],
        "growth": [
            {"day": "2023-11-13", "series": 2, "new": 2, "gone": 0},
            {"day": "2023-11-14", "series": 3, "new": 3, "gone": 2},
        ],
        "new_by_metric": [{"metric": "up", "series": 3}],
    }


async def test_a_selector_narrows_it_and_another_tenant_has_nothing(http: httpx.AsyncClient) -> None:
    narrow = await http.get(PATH, params={**RANGE, "selector": '{job=~"job-[01]"}'})
    assert (narrow.json()["series"], narrow.json()["by_label"][0]) == (2, {"label": "job", "values": 2})
    other = await http.get(PATH, params=RANGE, headers={"x-scope-orgid": "other"})
    assert (other.json()["series"], other.json()["by_metric"]) == (0, [])


@pytest.mark.parametrize(
    ("parameters", "code"),
    [({"limit": "0"}, "bad_parameter"), ({"selector": "up{"}, "promql.parse"), ({"start": "when"}, "bad_time")],
)
async def test_what_is_wrong_is_said_in_our_shape(
    http: httpx.AsyncClient, parameters: dict[str, str], code: str
) -> None:
    answer = await http.get(PATH, params=parameters)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
