"""``run_demo`` as a visitor gets it: real processes, instrumented by Sonde's SDK, sending to a sink that decodes OTLP."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from tests.demo.otlp_sink import Sink, Span, otlp_sink
from tests.demo.processes import alive, children

from sonde.demo.run import run_demo

SERVER, CLIENT = 2, 3
KEY = {"x-api-key": "demo-nordwind", "x-user-id": "nordwind-u007", "x-session-id": "test-session"}


@dataclass
class Demo:
    sink: Sink
    stop: threading.Event
    thread: threading.Thread
    lines: list[str] = field(default_factory=list)
    spoke: threading.Condition = field(default_factory=threading.Condition)

    def say(self, line: str) -> None:
        with self.spoke:
            self.lines.append(line)
            self.spoke.notify_all()

    def hear(self, pattern: str) -> re.Match[str]:
        def found() -> re.Match[str] | None:
            return re.search(pattern, "\n".join(self.lines))

        with self.spoke:
            match = self.spoke.wait_for(found, 60)
        assert match, f"nobody said {pattern!r}, but {self.lines}"
        return match


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    with otlp_sink() as sink:
        running = Demo(sink, threading.Event(), threading.Thread())
        running.thread = threading.Thread(
            target=run_demo,
            args=(sink.url, tmp_path_factory.mktemp("data")),
            kwargs={"ui_url": "http://127.0.0.1:3000", "stop": running.stop, "say": running.say},
        )
        running.thread.start()
        yield running
        processes = children(os.getpid(), "sonde.demo.")
        assert len(processes) == 6
        started = time.monotonic()
        running.stop.set()
        running.thread.join(20)
        assert time.monotonic() - started < 5, "the demo took too long to end"
        assert not [pid for pid in processes if alive(pid)]


@pytest.fixture(scope="module")
def shop(demo) -> Iterator[httpx.Client]:
    """A client of the address that the demo's own curl example names."""
    with httpx.Client(base_url=demo.hear(r"curl -s (http://\S+)/ask")[1], headers=KEY, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def asked(demo, shop) -> list[Span]:
    """The spans of one question."""
    answer = shop.post("/ask", json={"question": "When is shipping free?"})
    answer.raise_for_status()
    trace_id = answer.json()["trace_id"]
    demo.sink.wait_for(lambda: any(span.name == "POST /ask" for span in demo.sink.trace(trace_id)))
    return demo.sink.trace(trace_id)


def one(spans: list[Span], start: str) -> Span:
    (span,) = [span for span in spans if span.name.startswith(start)]
    return span


def test_the_visitor_is_told_where_to_look(demo):
    demo.hear(r"Look at http://127.0.0.1:3000")
    demo.hear(r"sonde query sql ")
    demo.hear(r"ground-truth\.jsonl")


def test_a_question_is_one_trace_with_one_root(asked):
    ids = {span.span_id for span in asked}
    assert [span.name for span in asked if span.parent_id not in ids] == ["POST /ask"]
    assert {span.service for span in asked} == {"backend-api"}
    assert one(asked, "POST /ask").kind == SERVER


def test_embedding_search_and_answer_lie_below_the_retrieval(asked):
    rag = one(asked, "rag ")
    below = {span.name.split()[0] for span in asked if span.parent_id == rag.span_id}
    assert {"embeddings", "retrieval", "chat"} <= below
    assert rag.attributes["sonde.rag.query"] == "When is shipping free?"


def test_the_chat_span_tells_model_tokens_function_user_and_messages(asked):
    chat = one(asked, "chat ")
    told = chat.attributes
    assert chat.kind == CLIENT
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.request.model"] in {"gpt-4o-mini", "gpt-4.1", "shop-assistant-7b"}
    assert told["gen_ai.usage.input_tokens"] > 100
    assert told["gen_ai.usage.output_tokens"] > 5
    assert told["gen_ai.response.time_to_first_chunk"] > 0
    assert told["sonde.function"] == "answer_question"
    assert (told["user.id"], told["session.id"], told["tenant_id"]) == ("nordwind-u007", "test-session", "nordwind")
    assert "When is shipping free?" in str(told["gen_ai.input.messages"])
    assert "free from 60 euros" in str(told["gen_ai.output.messages"])


def test_the_search_tells_the_passages_it_found(asked):
    found = one(asked, "retrieval ").attributes
    assert found["gen_ai.retrieval.top_k"] in {3, 5}
    assert "delivery-cost" in found["gen_ai.retrieval.documents"]


def test_log_records_carry_the_trace_and_the_context(demo, asked):
    trace_id = asked[0].trace_id
    demo.sink.wait_for(lambda: len([r for r in demo.sink.records if r.trace_id == trace_id]) >= 2)
    records = {record.body: record for record in demo.sink.records if record.trace_id == trace_id}
    assert {"Question answered", "Request finished"} <= set(records)
    assert records["Question answered"].attributes["tenant_id"] == "nordwind"
    assert records["Request finished"].attributes["endpoint"] == "/ask"


def test_a_thumb_arrives_at_the_trace_that_it_rates(demo, shop, asked):
    trace_id = asked[0].trace_id
    shop.post("/feedback", json={"trace_id": trace_id, "rating": 0, "comment": "too short"}).raise_for_status()

    def thumb() -> dict[str, object] | None:
        return next(
            (r.attributes for r in demo.sink.records if (r.event, r.trace_id) == ("sonde.feedback", trace_id)), None
        )

    attributes = demo.sink.wait_for(thumb)
    assert attributes["sonde.feedback.comment"] == "too short"
    assert attributes["sonde.feedback.rating"] == 0


def test_recommendations_lead_from_the_backend_to_ml_engine(demo, shop):
    trace_id = shop.get("/recommendations").json()["trace_id"]
    demo.sink.wait_for(lambda: {s.service for s in demo.sink.trace(trace_id)} >= {"backend-api", "ml-engine"})
    demo.sink.wait_for(lambda: any(s.name == "GET /recommendations" for s in demo.sink.trace(trace_id)))


def test_a_goal_has_the_spans_that_its_team_knows(demo, shop):
    shop.post("/goals", json={"goal_type": "running", "wish": "run 10 km"}).raise_for_status()
    wanted = {"create_goal", "llm.generate_smart_goal", "postgres.insert_goal", "INSERT shop.sqlite"}
    demo.sink.wait_for(lambda: wanted <= {span.name for span in demo.sink.spans})


def test_the_scraper_and_the_training_job_are_seen(demo):
    demo.sink.wait_for(lambda: {"scrape supplier", "train recommender"} <= {span.name for span in demo.sink.spans})
    demo.sink.wait_for(lambda: {"Scrape finished", "Model trained"} <= {record.body for record in demo.sink.records})


@pytest.mark.parametrize(
    ("service", "metrics"),
    [
        (
            "backend-api",
            {
                "active_tenants", "api_request_duration_seconds", "api_requests_total", "goals_created_total",
                "llm_call_duration_seconds", "llm_calls_total", "llm_cost_usd_total", "llm_tokens_total", "mrr_total",
                "postgres_query_duration_seconds", "recommendations_total", "vectors_indexed",
            },
        ),
        (
            "ml-engine",
            {
                "ann_search_duration_seconds", "embedding_cache_misses_total", "ml_requests_in_progress", "model_mrr",
                "model_ndcg", "model_recall", "recommendations_total", "training_duration_seconds", "training_jobs_total",
            },
        ),
        ("scraper", {"scraper_products_total", "scraper_run_duration_seconds", "scraper_runs_total"}),
    ],
)  # fmt: skip
def test_metrics_have_the_names_that_dashboards_know(demo, service, metrics):
    demo.sink.wait_for(lambda: metrics <= {point.metric for point in demo.sink.points if point.service == service})


def test_health_checks_leave_no_spans(demo):
    assert not [span for span in demo.sink.spans if "healthz" in span.name]
