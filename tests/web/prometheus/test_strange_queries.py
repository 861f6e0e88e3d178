"""Queries with bytes that are no UTF-8, zeros with a sign, and selectors that Prometheus refuses."""

from __future__ import annotations

import httpx
import pytest

AT = "1700000000"

# what the literal "\xff" is in the language, which JSON cannot write
BYTES = (
    '"\\xff"',
    'gone{a="\\xff"}',
    'gone{a!="\\xff"}',
    '{"\\xff"}',
    'absent(nothing{a="\\xff"})',
    'label_replace(requests_total, "a", "\\xff", "job", ".*")',
    'label_replace(requests_total, "\\xff", "x", "job", ".*")',
    'label_replace(requests_total, "a", "$1", "job", "(\\xff)")',
    'label_replace(label_replace(requests_total, "a", "\\xff", "", ""), "b", "$1", "a", "(.*)")',
    'label_join(requests_total, "a", "\\xff", "job", "instance")',
    'label_join(requests_total, "\\xff", "-", "job")',
    'count_values("\\xff", requests_total)',
    'sum by ("\\xff") (requests_total)',
    'requests_total * on ("\\xff") group_left requests_total',
    'requests_total{job=~"\\xff"}',
    'info(requests_total, {a="\\xff"})',
    'sort_by_label(requests_total, "\\xff")',
    'histogram_quantiles(requests_total, "\\xff", 0.5)',
)


@pytest.mark.usefixtures("metrics")
@pytest.mark.parametrize("query", BYTES)
@pytest.mark.parametrize("path", ["query", "query_range", "format_query", "parse_query", "query_exemplars"])
async def test_bytes_that_are_no_utf8_are_answered_or_refused(http: httpx.AsyncClient, path: str, query: str) -> None:
    parameters = {"query": query, "time": AT, "start": AT, "end": AT, "step": "1"}
    answer = await http.get(f"/prometheus/api/v1/{path}", params=parameters)
    assert answer.status_code in (200, 204, 400, 422), answer.text
    if answer.status_code == 200:
        assert answer.json()["status"] == "success"
    elif answer.content:
        assert answer.json()["errorType"] in ("bad_data", "execution")


@pytest.mark.usefixtures("metrics")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('gone{a="\\xff"} @ 1699999900', []),
        ('count(requests_total{a!="\\xff"})', ["2"]),
        ('count_values("v", vector(0) or label_replace(vector(-0), "a", "b", "", ""))', ["1", "1"]),
        ("clamp_max(vector(-Inf), NaN)", ["-Inf"]),
        ("clamp_min(vector(Inf), NaN)", ["+Inf"]),
        ("clamp(vector(3), NaN, 2)", ["NaN"]),
        ("vector(min_of(0, -0))", ["-0"]),
        ("vector(max_of(-0, 0))", ["0"]),
    ],
)
async def test_values_are_those_of_go(http: httpx.AsyncClient, query: str, found: list[str]) -> None:
    answer = await http.get("/prometheus/api/v1/query", params={"query": query, "time": AT})
    assert [each["value"][1] for each in answer.json()["data"]["result"]] == found


@pytest.mark.usefixtures("metrics")
@pytest.mark.parametrize("extent", ["anchored", "smoothed"])
async def test_histograms_are_refused_between_the_ends_of_a_range(http: httpx.AsyncClient, extent: str) -> None:
    answer = await http.get("/prometheus/api/v1/query", params={"query": f"seconds[5m] {extent}", "time": AT})
    assert answer.status_code == 422
    assert answer.json()["error"] == f"{extent} modifier is not supported with histograms"
