"""The metrics explorer and the page of cardinality, on a real server with half an hour of metrics."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.fixture_server import STATIC
from tests.browser.keys import painted, press
from tests.browser.layout import nameless, too_wide
from tests.browser.metrics_data import MINUTES, TRACE_ID, half_an_hour
from tests.e2e.server_process import running

from sonde.receivers import snappy

pytestmark = pytest.mark.browser

END = int(time.time()) // 60 * 60
WINDOW = {"start": str(END - MINUTES * 60), "end": str(END)}
FIRST_PAGE_BYTES = 250_000


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (STATIC / "index.html").exists():
        pytest.skip("the UI is not built: run `make ui`")
    with running(tmp_path_factory.mktemp("metrics") / "data") as server:
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
        body = snappy.compress(half_an_hour(END))
        answer = server.ask("POST", "/prometheus/api/v1/write", body, headers)
        assert answer.status == 204, answer.text
        server.wait_until_inserted()
        yield f"http://127.0.0.1:{server.ui}"


def explore(page: Page, *exprs: str, **parameters: str) -> None:
    """Open the explorer with these queries, and wait until the editors are there."""
    query = [*WINDOW.items(), *parameters.items(), *(("expr", expr) for expr in exprs)]
    page.goto(f"/metrics-explorer?{urlencode(query)}")
    expect(page.locator(".promql-editor[data-ready=true]")).to_have_count(max(1, len(exprs)))


def editor(page: Page, letter: str = "A") -> Locator:
    return page.get_by_role("textbox", name=f"PromQL of query {letter}")


def chart(page: Page) -> Locator:
    return page.get_by_role("img", name=re.compile("over time"))


def test_the_browser_tells_type_help_and_series_and_takes_a_histogram_as_one(page: Page) -> None:
    explore(page)
    names = page.get_by_role("region", name="Metrics")
    for name, about in (
        ("shop_latency_seconds", "histogram6 seriesTime to answer"),
        ("shop_requests_total", "counter3 seriesRequests answered, by status"),
        ("shop_wide", "220 series"),
        ("shop_workers", "gauge1 seriesWorkers that wait for work"),
    ):
        expect(names.get_by_role("button", name=name)).to_have_text(f"{name}{about}")
    expect(names).to_contain_text("4 metrics")


def test_a_metric_that_is_chosen_is_asked_as_its_type_deserves(page: Page) -> None:
    explore(page)
    for name, expr in (
        ("shop_requests_total", "rate(shop_requests_total[5m])"),
        ("shop_workers", "shop_workers"),
        ("shop_latency_seconds", "histogram_quantile(0.95, sum by (le) (rate(shop_latency_seconds_bucket[5m])))"),
    ):
        page.get_by_role("region", name="Metrics").get_by_role("button", name=name).first.click()
        expect(editor(page)).to_have_text(expr)
        expect(chart(page)).to_have_attribute(
            "aria-label", f"{expr} over time, {3 if 'rate(shop_r' in expr else 1} series"
        )
        assert parse_qs(urlsplit(page.url).query)["expr"] == [expr]


def test_a_metric_is_found_by_its_help_with_the_keyboard_alone(page: Page) -> None:
    explore(page)
    expect(page.get_by_role("region", name="Metrics")).to_contain_text("4 metrics")
    press(page, "/")
    page.keyboard.type("wait for")
    expect(page.get_by_role("region", name="Metrics")).to_contain_text("1 of 4 metrics")
    press(page, "Enter")
    expect(editor(page)).to_have_text("shop_workers")


def test_names_functions_labels_and_values_are_completed(page: Page) -> None:
    explore(page)
    for typed, offered in (
        ("sum(shop_req", "shop_requests_total"),
        ("histogram_qu", "histogram_quantile"),
        ("shop_requests_total{sta", "status"),
        ('shop_requests_total{status="5', "500"),
    ):
        editor(page).click()
        press(page, "Control+a")
        press(page, "Delete")
        page.keyboard.type(typed)
        expect(page.get_by_role("option", name=offered).first).to_be_visible()
        press(page, "Escape")


def test_what_the_server_refuses_is_marked_where_it_stands(page: Page) -> None:
    explore(page, 'sum(shop_workers{job=~"("})')
    note = page.get_by_role("alert")
    expect(note).to_contain_text("error parsing regexp: missing closing ): `(`")
    expect(page.locator(".cm-lintRange-error")).to_have_text("job")
    note.get_by_role("button", name="at 1:18").click()
    expect(editor(page)).to_be_focused()
    page.keyboard.type("x")
    expect(editor(page)).to_have_text('sum(shop_workers{xjob=~"("})')
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)


def test_a_query_says_what_it_cost_and_what_the_server_remarks(page: Page) -> None:
    explore(page, "rate(shop_workers[5m])")
    row = page.get_by_role("group", name="Query A")
    expect(row).to_contain_text(re.compile(r"1 series · \d+ samples read · [\d.]+ (ms|s)"))
    expect(row.get_by_role("status").first).to_contain_text("metric might not be a counter")
    expect(row.get_by_role("button", name="at 1:6")).to_be_visible()


def test_an_answer_without_series_is_no_data(page: Page) -> None:
    explore(page, "shop_nothing")
    expect(page.get_by_role("heading", name="No data")).to_be_visible()
    expect(page.get_by_role("group", name="Query A")).to_contain_text("no data · 0 samples read")


def test_more_series_than_can_be_drawn_are_cut_and_it_is_said(page: Page) -> None:
    explore(page, "shop_wide")
    expect(page.get_by_text("More than 200 series match: the first 200 are shown.")).to_be_visible()
    expect(chart(page)).to_have_attribute("aria-label", "shop_wide over time, 200 series")


def test_several_queries_are_drawn_into_one_graph(page: Page) -> None:
    explore(page, "shop_workers")
    page.get_by_role("button", name="Add query").click()
    expect(editor(page, "B")).to_be_focused()
    page.keyboard.type("sum by (service) (rate(shop_requests_total[5m]))", delay=0)
    press(page, "Escape")
    page.get_by_role("button", name="Run").click()
    expect(chart(page)).to_have_attribute("aria-label", re.compile(r"^shop_workers and sum by .* over time, 3 series$"))
    legend = page.locator(".legend-table")
    expect(legend.get_by_role("button", name='B {service="api"}')).to_be_visible()
    page.get_by_role("button", name="Remove query A").click()
    expect(editor(page)).to_have_text("sum by (service) (rate(shop_requests_total[5m]))")
    expect(chart(page)).to_have_attribute("aria-label", re.compile("over time, 2 series$"))


def test_the_legend_shows_one_series_alone_and_says_so_in_the_address(page: Page) -> None:
    explore(page, "rate(shop_requests_total[5m])")
    expect(page.locator(".common-labels")).to_contain_text('in common {job="shop"}')
    page.get_by_role("button", name='{service="api", status="500"}').click()
    expect(chart(page)).to_have_attribute("aria-label", re.compile("over time, 1 series$"))
    expect(page).to_have_url(re.compile("only="))
    page.reload()
    expect(page.get_by_text("1 of 3 series")).to_be_visible()
    page.get_by_role("button", name='{service="search", status="200"}').click(modifiers=["Control"])
    expect(page.get_by_text("2 of 3 series")).to_be_visible()
    page.get_by_role("button", name="show all").click()
    expect(chart(page)).to_have_attribute("aria-label", re.compile("over time, 3 series$"))


def test_dragging_over_the_graph_zooms_and_back_undoes_it(page: Page) -> None:
    explore(page, "shop_workers", exemplars="0")
    expect(page.locator(".chart .u-over")).to_be_visible()
    area = page.locator(".chart .u-over").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] * 0.25, area["y"] + 40)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.75, area["y"] + 40, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"start=20\d\d-.*end=20\d\d-.*expr=shop_workers|expr=shop_workers.*start=20"))
    page.go_back()
    expect(page).to_have_url(re.compile(f"start={WINDOW['start']}"))


def test_an_exemplar_opens_its_trace(page: Page) -> None:
    # One value only: the graph is fitted about it, so its exemplar stands in the very middle.
    explore(page, "shop_workers")
    expect(page.get_by_text("◇ 1 exemplar")).to_be_visible()
    painted(page)
    expect(page.locator(".chart .u-over")).to_be_visible()
    area = page.locator(".chart .u-over").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    expect(page.locator(".tooltip")).to_contain_text("click opens its trace")
    page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    expect(page).to_have_url(re.compile(f"/traces/{TRACE_ID}"))


def test_shape_view_and_order_are_in_the_address(page: Page) -> None:
    explore(page, "rate(shop_requests_total[5m])")
    expect(chart(page)).to_be_visible()
    press(page, "s")
    expect(page).to_have_url(re.compile("shape=stacked"))
    expect(page.get_by_role("button", name="Stacked")).to_have_attribute("aria-pressed", "true")
    press(page, "v")
    expect(page).to_have_url(re.compile("view=table"))
    page.get_by_role("button", name="Value").click()
    expect(page).to_have_url(re.compile("sort=-value"))


def test_the_table_has_a_column_for_each_label_that_differs(page: Page, base_url: str) -> None:
    expr = "rate(shop_requests_total[5m])"
    asked = httpx.get(f"{base_url}/prometheus/api/v1/query", params={"query": expr, "time": str(END)}).json()
    wanted = sorted((float(row["value"][1]), row["metric"]["service"]) for row in asked["data"]["result"])
    explore(page, expr, view="table", sort="-value")
    rows = page.locator(".metric-table tbody tr")
    expect(rows).to_have_count(len(wanted))
    assert page.locator(".metric-table th").all_inner_texts() == ["service", "status", "Value ↓"]
    shown = [row.locator("td").all_inner_texts() for row in rows.all()]
    assert [(float(value), service) for service, _status, value in shown] == wanted[::-1]


def test_a_query_that_is_replaced_is_given_up(page: Page) -> None:
    explore(page)
    page.route("**/query_range?*shop_wide*", lambda _route: None)  # never answered
    given_up: list[str] = []
    page.on("requestfailed", lambda request: given_up.append(request.url))
    names = page.get_by_role("region", name="Metrics")
    names.get_by_role("button", name="shop_wide").click()
    expect(page.get_by_text("asking")).to_be_visible()
    names.get_by_role("button", name="shop_workers").click()
    expect(chart(page)).to_be_visible()
    assert any("shop_wide" in url for url in given_up)


def test_a_query_that_takes_too_long_can_be_stopped(page: Page) -> None:
    page.route("**/query_range?*", lambda _route: None)  # never answered
    explore(page, "shop_workers")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("alert")).to_contain_text("Stopped before the answer was there.")
    expect(page.get_by_role("button", name="Run")).to_be_visible()


def test_cardinality_tells_the_largest_metric_its_labels_and_leads_to_the_explorer(page: Page) -> None:
    page.goto("/cardinality")
    metrics = page.get_by_role("region", name="Metrics by series")
    expect(metrics.locator("tbody tr").first).to_contain_text("shop_wide")
    expect(metrics.locator("tbody tr").first).to_contain_text("220")
    metrics.get_by_role("button", name="shop_requests_total").click()
    expect(page).to_have_url(re.compile("metric=shop_requests_total"))
    labels = page.get_by_role("region", name="Labels of shop_requests_total")
    expect(labels.locator("tbody tr")).to_have_count(3)
    rows = [re.split(r"\s+", row) for row in labels.locator("tbody tr").all_inner_texts()]
    assert [row[:2] for row in rows] == [["service", "2"], ["status", "2"], ["job", "1"]]
    labels.get_by_role("link", name="service in the explorer").click()
    expect(editor(page)).to_have_text("topk(20, count by (service) (shop_requests_total))")


@pytest.mark.parametrize("path", ["/metrics-explorer", "/cardinality"])
def test_no_page_is_wider_than_the_window_and_every_control_has_a_name(page: Page, path: str) -> None:
    exprs = [("expr", "rate(shop_requests_total[5m])"), ("expr", "shop_latency_seconds_bucket")]
    page.goto(f"{path}?{urlencode([*WINDOW.items(), *exprs])}")
    expect(page.get_by_text(re.compile("samples read|rows read")).first).to_be_attached()
    assert too_wide(page) == []
    assert nameless(page) == []


def test_the_first_page_is_small_and_the_editor_comes_later(page: Page) -> None:
    manifest = json.loads((STATIC / "manifest.json").read_text())
    first = [manifest["index.html"]["file"], *manifest["index.html"]["css"]]
    assert sum(len(gzip.compress((STATIC / name).read_bytes())) for name in first) < FIRST_PAGE_BYTES
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto("/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert not [url for url in loaded if "promql" in url]
    explore(page)
    assert [url for url in loaded if "promql" in url]
