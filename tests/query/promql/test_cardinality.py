"""What series are made of and how they grow, against counts by hand."""

from __future__ import annotations

from typing import Any

import pytest
from tests.query.promql.metric_rows import NOW, insert_histogram, insert_series

from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse.cardinality import DAY, Days, Growth, cardinality, extent, growth, samples_by_metric
from sonde.query.promql.parser import parse_selector
from sonde.store.pool import AsyncStore

TODAY = NOW // DAY
YESTERDAY = Days(TODAY - 1, TODAY - 1)
BOTH = Days(TODAY - 1, TODAY)
# Each series, and on which days before today it has how many samples.
SERIES = [
    ({"__name__": "up", "job": "api"}, {0: 2, 1: 1}),
    ({"__name__": "up", "job": "web"}, {0: 1}),
    ({"__name__": "up", "job": "old"}, {1: 1, 9: 1}),
    ({"__name__": "http_requests_total", "job": "api", "path": "/long"}, {0: 1}),
    ({"__name__": "http_requests_total", "job": "api", "path": "/"}, {0: 1, 2: 1}),
]


@pytest.fixture(scope="module", autouse=True)
def _series(client: Any) -> None:
    written = [
        (labels, [(NOW - before * DAY + place, 1.0) for before, count in days.items() for place in range(count)])
        for labels, days in SERIES
    ]
    insert_series(client, written, tenant="mine")
    insert_series(client, written[:1], tenant="mine")  # a row that comes twice counts once
    insert_series(client, [({"__name__": "theirs", "job": "api"}, [(NOW, 1.0)])], tenant="theirs")
    insert_histogram(client, {"__name__": "seconds"}, NOW, tenant="natives", count=1.0)


@pytest.fixture
def inquiry(store: AsyncStore) -> Inquiry:
    return Inquiry(store)


async def test_the_series_of_some_days_are_counted_once_each(inquiry: Inquiry) -> None:
    found = await cardinality(inquiry, "mine", BOTH, limit=3)

    assert (found.series, found.metrics, found.label_names, found.label_pairs) == (5, 2, 3, 7)
    assert found.series_by_metric == (("up", 3), ("http_requests_total", 2))
    assert found.values_by_label == (("job", 3), ("__name__", 2), ("path", 2))
    assert found.bytes_by_label == (("__name__", 3 * 2 + 2 * 19), ("job", 5 * 3), ("path", 6))
    assert found.series_by_label_pair == (
        ("__name__", "up", 3),
        ("job", "api", 3),
        ("__name__", "http_requests_total", 2),
    )


async def test_a_limit_is_of_each_list_and_changes_no_total(inquiry: Inquiry) -> None:
    found = await cardinality(inquiry, "mine", BOTH, limit=1)

    assert (found.series, found.metrics, found.label_names, found.label_pairs) == (5, 2, 3, 7)
    assert (found.series_by_metric, found.values_by_label) == ((("up", 3),), (("job", 3),))
    assert (found.bytes_by_label, found.series_by_label_pair) == ((("__name__", 44),), (("__name__", "up", 3),))


@pytest.mark.parametrize(
    ("selector", "days", "by_metric"),
    [
        ('{job="api"}', BOTH, (("http_requests_total", 2), ("up", 1))),
        ('{path!="",job=~"a.+"}', BOTH, (("http_requests_total", 2),)),
        ("up", YESTERDAY, (("up", 2),)),
        ("nothing", BOTH, ()),
    ],
)
async def test_a_selector_and_days_narrow_what_is_counted(
    inquiry: Inquiry, selector: str, days: Days, by_metric: tuple[tuple[str, int], ...]
) -> None:
    found = await cardinality(inquiry, "mine", days, parse_selector(selector))

    assert found.series_by_metric == by_metric
    assert found.series == sum(count for _, count in by_metric)


async def test_growth_tells_of_each_day_what_is_new_and_what_has_gone(inquiry: Inquiry) -> None:
    told, new = await growth(inquiry, "mine", Days(TODAY - 3, TODAY))

    dates = Days(TODAY - 3, TODAY).dates()
    assert told == [
        Growth(dates[0], 0, 0, 0),
        Growth(dates[1], 1, 1, 0),
        Growth(dates[2], 2, 2, 1),
        Growth(dates[3], 4, 3, 1),
    ]
    assert new == (("http_requests_total", 2), ("up", 1))


async def test_growth_goes_back_as_far_as_it_can(inquiry: Inquiry) -> None:
    told, _ = await growth(inquiry, "mine", Days(TODAY - 1000, TODAY))

    assert (len(told), told[-1]) == (62, Growth(Days(TODAY, TODAY).dates()[0], 4, 3, 1))
    assert [each.series for each in told if each.series] == [1, 1, 2, 4]


async def test_samples_are_counted_by_metric_native_histograms_among_them(inquiry: Inquiry) -> None:
    assert await samples_by_metric(inquiry, "mine", BOTH) == (("up", 8), ("http_requests_total", 2))
    assert await samples_by_metric(inquiry, "mine", YESTERDAY, limit=1) == (("up", 3),)
    assert await samples_by_metric(inquiry, "natives", BOTH) == (("seconds", 1),)


async def test_a_tenant_without_series_has_none(inquiry: Inquiry) -> None:
    assert await extent(inquiry, "nobody") is None
    assert await extent(inquiry, "mine") == Days(TODAY - 9, TODAY)
    found = await cardinality(inquiry, "nobody", BOTH)
    assert (found.series, found.label_pairs, found.series_by_metric, found.values_by_label) == (0, 0, (), ())
    assert await growth(inquiry, "nobody", YESTERDAY) == ([Growth(YESTERDAY.dates()[0], 0, 0, 0)], ())
