"""What goes over the wire, and what is said when it does not."""

from __future__ import annotations

import logging

import pytest
import requests
from opentelemetry import trace

from sonde.sdk import wire


def test_secrets_in_spans_are_hidden_wherever_they_stand(sonde, sink, flush):
    with trace.get_tracer("test").start_as_current_span("GET /?token=abc") as span:
        span.set_attribute("db.password", "hunter2")
        span.set_attribute("url.full", "https://example.org/?api_key=abc&x=1")
        span.set_attribute("plain", "value")
        span.add_event("tried", {"authorization": "Basic abc"})
        span.set_status(trace.StatusCode.ERROR, "refused Bearer abcdef123456")
    flush()
    (received,) = sink.spans
    assert received.name == "GET /?token=[redacted]"
    assert received.attributes == {
        "db.password": "[redacted]",
        "url.full": "https://example.org/?api_key=[redacted]&x=1",
        "plain": "value",
    }
    assert "[redacted]" in str(received.item.events[0])
    assert received.item.status.message == "refused Bearer [redacted]"


def test_an_outage_is_said_once_and_again_only_after_a_while(caplog):
    now = [0.0]
    outage = wire.Outage(lambda: now[0])
    for at in (0, 1, 2):
        now[0] = at
        outage.failed("http://sonde", "it is away")
    assert outage.is_active
    outage.answered()
    assert not outage.is_active
    now[0] = 300
    outage.failed("http://sonde", "it is away")
    assert len(caplog.records) == 1
    outage.answered()
    now[0] = 700
    outage.failed("http://sonde", "it is away")
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "it answers 401 Unauthorized; is SONDE_API_KEY set and right?"), (400, "it answers 400 Bad Request")],
)
def test_a_refusal_is_said_with_its_reason(sonde, sink, caplog, status, said):
    sink.status = status
    sonde.get_logger().info("hello")
    assert not sonde.configure().flush(10)
    assert [said in record.getMessage() for record in caplog.records if record.name == "sonde.sdk"] == [True]


def test_what_http_clients_log_about_our_sending_goes_nowhere(sonde, sink, flush, lines):
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    try:
        logging.getLogger("app").warning("hello")
        flush()
        flush()
    finally:
        logging.getLogger("urllib3").setLevel(logging.NOTSET)
    assert [record.body for record in sink.logs] == ["hello"]
    assert [line["message"] for line in lines()] == ["hello"]


def test_a_proxy_is_not_used_for_this_machine_and_a_netrc_never_replaces_the_key(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine sonde.example login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with wire._Session(wire.Outage(), "http://127.0.0.1:4318") as local:
        assert not local.trust_env
    with wire._Session(wire.Outage(), "http://sonde.example") as remote:
        assert remote.trust_env
        prepared = remote.prepare_request(
            requests.Request("POST", "http://sonde.example", headers={"authorization": "Bearer k"})
        )
        assert prepared.headers["authorization"] == "Bearer k"
