"""The graph of an alert by its signed address: without a log-in, for those only who were given the link."""

from __future__ import annotations

from fastapi import FastAPI

from sonde.notify.context.graph import Graphs, Outline
from sonde.notify.context.graph_links import LIFETIME_SECONDS, GraphLinks
from sonde.notify.context.ranges import PromQLRanges
from sonde.query.promql.memory_storage import MemoryStorage
from sonde.telemetry.labels import labels_of
from sonde.web.api.alert_graph import install

NOW = 1_700_000_000_000


class Clock:
    nano = NOW * 10**6

    def __call__(self):
        return self.nano


def served(app: FastAPI, clock: Clock, *, most=30):
    series = MemoryStorage()
    for ago in range(60):
        series.put(labels_of({"__name__": "up", "job": "shop"}), NOW - ago * 60_000, 1.0)
    tenants = {"default": series}
    ranges = PromQLRanges(lambda tenant, _limits: tenants.get(tenant, MemoryStorage()))
    links = GraphLinks("https://sonde.example.org", b"key", clock)
    own = FastAPI()
    install(own, Graphs(ranges), links, clock, most=most)
    app.router.routes[:0] = [route for route in own.router.routes if "alert-graph" in getattr(route, "path", "")]
    return links


def path(links, expression="up", tenant="default", end=NOW):
    return f"/alert-graph/{links.token(Outline(tenant, 'Down', expression, end))}.png"


async def test_whoever_has_the_link_sees_the_graph(app, http, new_key):
    new_key()
    links = served(app, Clock())
    answer = await http.get(path(links))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert "max-age" in answer.headers["cache-control"]
    assert answer.content.startswith(b"\x89PNG")
    assert (await http.head(path(links))).status_code == 200


async def test_a_link_that_we_have_not_signed_or_that_has_ended_shows_nothing(app, http):
    clock = Clock()
    links = served(app, clock)
    good = path(links)
    for bad in (
        "/alert-graph/x.png",
        good[:-5] + ".png",
        good.replace("/alert-graph/", "/alert-graph/A"),
        path(GraphLinks("https://s", b"x", clock)),
    ):
        assert (await http.get(bad)).status_code == 404
    clock.nano += (LIFETIME_SECONDS + 1) * 10**9
    assert (await http.get(good)).status_code == 404


async def test_a_link_shows_one_tenants_data(app, http):
    links = served(app, Clock())
    answer = await http.get(path(links, tenant="neighbour"))
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "graph.empty"


async def test_so_many_are_drawn_within_a_minute_and_those_that_were_come_from_memory(app, http):
    clock = Clock()
    links = served(app, clock, most=2)
    paths = [path(links, end=NOW - place * 1000) for place in range(3)]
    assert [(await http.get(each)).status_code for each in paths] == [200, 200, 503]
    assert (await http.get(paths[2])).headers["retry-after"] == "30"
    assert (await http.get(paths[0])).status_code == 200
    clock.nano += 61 * 10**9
    assert (await http.get(paths[2])).status_code == 200


async def test_an_expression_that_cannot_be_evaluated_is_refused(app, http):
    links = served(app, Clock())
    assert (await http.get(path(links, expression="sum("))).status_code == 400
