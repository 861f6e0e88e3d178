"""What attribute filters find: a table of filters against a few spans, on the real engine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_rows import NOW, insert_resource, insert_spans

from sonde.errors import SondeError, UserError
from sonde.query.attribute_filter import parse_filter
from sonde.query.engine import Inquiry
from sonde.query.traces import TraceSearch, search_traces
from sonde.query.window import MINUTE, TimeRange

WINDOW = TimeRange(NOW - MINUTE, NOW + MINUTE)
SPANS: dict[str, dict[str, Any]] = {
    "a": {"code": 200, "user": "ann", "ok": True, "ratio": 0.5, "tags": ["x", "y"], "shared": "own"},
    "b": {"code": 500, "user": "bob's", "ok": False, "ratio": 2.5},
    "c": {"code": "200", "user": "", "zero": 0, "no": False},
    "d": {},
}


@pytest.fixture(scope="module")
def spans(client: Any) -> None:
    insert_resource(
        client,
        day="2023-11-14",
        resource_id=1,
        service="api",
        attributes={"pod": "p-1", "shared": "of-resource", "zone": 3},
    )
    insert_resource(client, day="2023-11-14", resource_id=2, service="job", attributes={"pod": "p-2"})
    insert_spans(
        client,
        [
            {
                "trace_id": f"{index:032x}", "span_id": f"{index:016x}", "service": "api" if name != "d" else "job", "name": name,
                "start": NOW + index, "attributes": attributes, "resource_id": 1 if name != "d" else 2,
            }
            for index, (name, attributes) in enumerate(SPANS.items(), start=1)
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("code=200", "ac"),
        ('code="200"', "c"),
        ("code=200.0", "a"),
        ("code!=200", "b"),
        ("code>=200", "ab"),
        ("code>200", "b"),
        ("code<500", "a"),
        ("code<=499.5", "a"),
        ("ratio>0.5", "b"),
        ("ratio=0.5", "a"),
        ("ratio<=2.5", "ab"),
        ("zero=0", "c"),
        ("zero>=0", "c"),
        ("zero!=0", ""),
        ("user=ann", "a"),
        ("user=bob's", "b"),
        ("user=", "c"),
        ("user!=ann", "bc"),
        ("user=~an.", "a"),
        ("user=~an", ""),
        ("user=~.*", "abc"),
        ("user!~a.*", "bc"),
        ("ok=true", "a"),
        ("ok=false", "b"),
        ("no=false", "c"),
        ("ok!=true", "b"),
        ('tags=["x", "y"]', "a"),
        ("absent=1", ""),
        ("absent!=1", ""),
        ("absent!~x", ""),
        ("resource.pod=p-1", "abc"),
        ("resource.pod!=p-1", "d"),
        ("pod=p-2", "d"),
        ("span.pod=p-2", ""),
        ("resource.zone>2", "abc"),
        ("shared=own", "a"),
        ("shared=of-resource", "bc"),
        ("shared!=own", "bc"),
        ("span.shared=own", "a"),
        ("resource.shared=of-resource", "abc"),
        ("service.name=job", "d"),
        ("resource.service.name!=job", "abc"),
        ("service.name=~a.*", "abc"),
    ],
)  # fmt: skip
async def test_a_filter_finds(store: Any, spans: None, written: str, found: str) -> None:
    answer = await search_traces(Inquiry(store), TraceSearch("default", WINDOW, attributes=(parse_filter(written),)))

    assert {trace["root_name"] for trace in answer["traces"]} == set(found)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("code", "bad_attribute_filter"),
        ("=1", "bad_attribute_filter"),
        ("resource.=1", "bad_attribute_filter"),
        ("code>high", "bad_attribute_filter"),
        ('code>"5"', "bad_attribute_filter"),
        ("service.name>a", "bad_attribute_filter"),
        ("user=~(", "clickhouse.427"),
    ],
)
async def test_a_filter_that_cannot_be_read_is_told(store: Any, spans: None, written: str, code: str) -> None:
    with pytest.raises(SondeError) as refusal:
        await search_traces(Inquiry(store), TraceSearch("default", WINDOW, attributes=(parse_filter(written),)))

    assert refusal.value.code == code


@given(
    key=st.from_regex(r"[a-z][a-z0-9._/-]{0,20}", fullmatch=True),
    operator=st.sampled_from(["=", "!=", ">=", "<=", "=~", "!~", ">", "<"]),
    value=st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=20).filter(
        lambda text: text[0] not in '=~"'
    ),
)
def test_what_is_written_is_read(key: str, operator: str, value: str) -> None:
    filter_ = parse_filter(f"{key}{operator}{value}")

    assert (filter_.operator, filter_.value) == (operator, value)
    assert key.endswith(filter_.key)


def test_a_filter_without_comparison_says_how_to_write_one() -> None:
    with pytest.raises(UserError, match="has no comparison"):
        parse_filter("http.status_code")
