"""A message's context as a whole: what is in it, within which time, and that nothing of it keeps a message back."""

from __future__ import annotations

import asyncio
import logging
import time

import numpy as np
import pytest

from sonde.errors import UserError
from sonde.notify.alert import Alert
from sonde.notify.context.describe import Describer, Sources
from sonde.notify.context.graph import Graphs
from sonde.notify.context.graph_links import GraphLinks
from sonde.notify.context.ranges import PromQLRanges
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch
from sonde.query.promql.memory_storage import MemoryStorage
from sonde.query.promql.parser import parse
from sonde.telemetry.labels import labels_of

NOW = 1_700_000_000_000
MINUTE = 60_000
URL = "https://sonde.example.org"


def batch(*, ended=False, at=NOW, generator_url="", integration="ops/slack/0", **labels):
    known = labels_of({"alertname": "HighErrorRate", "job": "shop", **labels})
    ends = (NOW - 1000) * 10**6 if ended else 0
    alert = Alert(known, (), (NOW - 5 * MINUTE) * 10**6, ends, generator_url=generator_url)
    return Batch("ops", integration, '{}:{job="shop"}', (("job", "shop"),), (alert,), at * 10**6)


def storage():
    series = MemoryStorage()
    for ago in range(130, -1, -1):
        at = NOW - ago * MINUTE
        series.put(labels_of({"__name__": "error_ratio", "job": "shop"}), at, 0.2 if ago < 8 else 0.01)
        series.put(labels_of({"__name__": "build_info", "job": "shop", "version": "2" if ago < 9 else "1"}), at, 1.0)
    return series


class Links:
    def url(self, tenant, batch):
        return f"{URL}/acknowledge/{tenant}/{len(batch.alerts)}"


class Rules:
    def __init__(self, expression="error_ratio > 0.05", language="promql"):
        self.answer = (expression, language) if expression else None

    def of(self, tenant, labels):
        assert dict(labels)["alertname"] == "HighErrorRate"
        return self.answer


class Counted:
    """Ranges that count how often they are asked, and perhaps never answer or fail."""

    def __init__(self, *, stuck=False, error=None):
        self.inner = PromQLRanges(lambda _tenant, _limits: storage())
        self.asked = 0
        self.cancelled = 0
        self.stuck, self.error = stuck, error

    async def evaluate(self, tenant, expr, *, start, end, step, series=0):
        self.asked += 1
        if self.error:
            raise self.error
        if self.stuck:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return await self.inner.evaluate(tenant, expr, start=start, end=end, step=step)


async def other_alerts(_tenant):
    return [Alert((("alertname", "DatabaseDown"),), starts_at=(NOW - 7 * MINUTE) * 10**6)]


def describer(ranges=None, *, url=URL, budget=5.0, **sources):
    ranges = ranges or Counted()
    given = {
        "acknowledge": Links(),
        "expressions": Rules(),
        "ranges": ranges,
        "graphs": Graphs(ranges),
        "graph_links": GraphLinks(url, b"key", lambda: NOW * 10**6),
        "alerts": other_alerts,
    }
    return Describer("default", url, Sources(**given | sources), budget_seconds=budget)


async def test_a_message_says_where_to_act_and_what_changed():
    context = await describer().describe(batch())
    assert context.acknowledge_url == f"{URL}/acknowledge/default/1"
    assert context.silence_url == f"{URL}/alerts/silences/new?matcher=job%3D%22shop%22"
    assert context.runbook_url == f"{URL}/runbooks/HighErrorRate"
    assert context.graph_url.startswith(f"{URL}/alert-graph/")
    assert context.graph_png.startswith(b"\x89PNG")
    assert context.changes == (
        "release of shop: version 2 since 22:05 UTC, 3 min before (was 1)",
        "also fired: DatabaseDown (2 min before)",
    )


async def test_a_resolved_message_has_its_graph_and_its_runbook_and_nothing_to_act_on():
    context = await describer().describe(batch(ended=True))
    assert (context.acknowledge_url, context.silence_url, context.changes) == ("", "", ())
    assert context.graph_png
    assert context.runbook_url


async def test_on_loopback_there_is_no_address_of_the_graph_but_the_graph():
    context = await describer(url="http://127.0.0.1:3000").describe(batch())
    assert context.graph_url == ""
    assert context.graph_png
    assert context.silence_url.startswith("http://127.0.0.1:3000/alerts")


async def test_without_an_address_of_ours_there_are_no_links():
    context = await describer(url="", acknowledge=None).describe(batch())
    assert (context.silence_url, context.runbook_url, context.graph_url) == ("", "", "")


async def test_five_integrations_of_a_group_ask_once():
    ranges = Counted()
    described = describer(ranges)
    contexts = await asyncio.gather(*(described.describe(batch(integration=f"ops/x/{n}")) for n in range(5)))
    asked = ranges.asked
    assert len({context.graph_png for context in contexts}) == 1
    await described.describe(batch(integration="ops/y/0"))
    assert ranges.asked == asked
    await described.describe(batch(at=NOW + MINUTE))
    assert ranges.asked > asked


async def test_what_is_not_ready_in_time_is_left_out_and_the_rest_is_there(caplog):
    caplog.set_level(logging.DEBUG, "sonde.notify.context")
    ranges = Counted(stuck=True)
    began = time.monotonic()
    context = await describer(ranges, budget=0.05).describe(batch())
    assert time.monotonic() - began < 2
    assert context.graph_png == b""
    assert context.graph_url  # it can still be drawn when somebody looks
    assert context.changes == ("also fired: DatabaseDown (2 min before)",)
    assert context.acknowledge_url
    assert "the graph was not ready within 0.05 s" in caplog.text
    await asyncio.sleep(0)
    assert ranges.cancelled == 2


@pytest.mark.parametrize("error", [UserError("too many samples"), RuntimeError("a bug")])
async def test_whatever_fails_is_left_out(error, caplog):
    context = await describer(Counted(error=error)).describe(batch())
    assert (context.graph_png, context.graph_url) == (b"", "")
    assert context.changes == ("also fired: DatabaseDown (2 min before)",)
    assert context.silence_url
    bugs = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert bool(bugs) is isinstance(error, RuntimeError)


class Broken:
    def url(self, *_):
        raise ZeroDivisionError

    of = __call__ = url


async def test_a_bug_in_those_who_are_asked_keeps_no_message_back(caplog):
    context = await describer(acknowledge=Broken(), expressions=Broken(), alerts=Broken()).describe(batch())
    assert context.acknowledge_url == ""
    assert context.silence_url
    assert context.changes[0].startswith("release of shop")


@pytest.mark.parametrize(
    ("rules", "generator_url", "drawn"),
    [
        (Rules("error_ratio > 0.05"), "", True),
        (Rules("SELECT 1 AS value", "sql"), "", False),
        (Rules("sum("), "", False),
        (Rules("nothing > 1"), "", False),
        (Rules(""), "", False),
        (Rules(""), "http://p:9090/graph?g0.expr=error_ratio+%3E+0.1&g0.tab=1", True),
        (Rules(""), "http://p:9090/graph?g0.expr=%28&g0.tab=1", False),
        (Rules("SELECT 1 AS value", "sql"), "http://p:9090/graph?g0.expr=error_ratio", False),
    ],
)
async def test_what_is_drawn_is_the_rules_expression_or_the_senders(rules, generator_url, drawn):
    context = await describer(expressions=rules).describe(batch(generator_url=generator_url))
    assert bool(context.graph_png) is drawn
    assert bool(context.graph_url) is drawn
    assert context.silence_url


async def test_who_is_cancelled_takes_nothing_from_the_others():
    described = describer()
    first, second = (asyncio.create_task(described.describe(batch(integration=f"ops/x/{n}"))) for n in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).graph_png
    assert first.cancelled()


async def test_nobody_to_ask_is_no_context_but_links():
    context = await Describer("default", "", Sources()).describe(batch())
    assert context == MessageContext()


async def test_scalars_have_values_and_strings_have_none():
    ranges = PromQLRanges(lambda _tenant, _limits: storage())
    vector = await ranges.evaluate("default", parse("1"), start=NOW - MINUTE, end=NOW, step=MINUTE)
    assert np.array_equal(vector.values, [[1.0, 1.0]])
    nothing = await ranges.evaluate("default", parse('"text"'), start=NOW, end=NOW, step=0)
    assert list(nothing.labels) == []
