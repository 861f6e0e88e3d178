"""``sonde.configure``: one call, three signals on the wire, and no harm to the host whatever happens."""

from __future__ import annotations

import logging
import sys

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider


def test_three_signals_arrive_with_the_process_described(sonde, sink, flush):
    with trace.get_tracer("test").start_as_current_span("work"):
        sonde.get_logger("shop.cart").info("paid", amount=12)
        logging.getLogger("plain").warning("low on %s", "stock")
    metrics.get_meter("test").create_counter("goals").add(2, {"tenant_id": "acme"})
    flush()
    resource = sink.span("work").resource
    assert resource["service.name"] == "shop"
    assert resource["process.runtime.name"] == "cpython"
    assert {"service.instance.id", "process.pid", "host.name"} <= resource.keys()
    assert sink.log("paid").attributes["amount"] == 12
    assert sink.log("paid").item.trace_id == sink.span("work").item.trace_id
    assert sink.log("low on stock").scope == "plain"
    (goals,) = [metric for metric in sink.metrics if metric.name == "goals"]
    assert goals.item.sum.data_points[0].as_int == 2


def test_key_tenant_version_and_environment_go_along(clean_process, sink):
    import sonde

    handle = sonde.configure(
        "shop", endpoint=sink.url, api_key="k-1", tenant="team-a", version="2.1", environment="staging", console=False
    )
    with trace.get_tracer("test").start_as_current_span("work"):
        pass
    assert handle.shutdown()
    (headers,) = [headers for path, headers in sink.requests if path == "/v1/traces"]
    assert headers["authorization"] == "Bearer k-1"
    assert headers["x-scope-orgid"] == "team-a"
    assert headers["content-type"] == "application/x-protobuf"
    resource = sink.span("work").resource
    assert (resource["service.version"], resource["deployment.environment.name"]) == ("2.1", "staging")


def test_calling_it_again_gives_the_same_handle(sonde, sink):
    handle = sonde.configure()
    assert sonde.configure(service="other", endpoint="http://nowhere") is handle
    assert handle.service == "shop"


def test_a_name_that_was_only_guessed_can_still_be_given(clean_process, sink, capsys):
    import sonde

    handle = sonde.configure(endpoint=sink.url)
    assert sonde.configure(service="shop") is handle
    with trace.get_tracer("test").start_as_current_span("work"):
        logging.getLogger("test").warning("hello")
    assert handle.shutdown()
    assert sink.span("work").resource["service.name"] == "shop"
    assert sink.log("hello").resource["service.name"] == "shop"
    assert '"service":"shop"' in capsys.readouterr().out


def test_wrong_settings_stand_in_the_log_and_the_program_goes_on(clean_process, caplog):
    import sonde

    handle = sonde.configure(service="shop", endpoint="not an address")
    assert "endpoint 'not an address' is not an address; write it like http://127.0.0.1:4318" in caplog.text
    with trace.get_tracer("test").start_as_current_span("work"):
        sonde.get_logger().info("still here")
    assert handle.shutdown()


def test_a_host_with_providers_of_its_own_keeps_them_and_sonde_joins_in(clean_process, sink):
    import sonde

    theirs = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(theirs)
    handle = sonde.configure(service="shop", endpoint=sink.url, console=False)
    assert trace.get_tracer_provider() is theirs
    with trace.get_tracer("test").start_as_current_span("work"):
        pass
    assert handle.shutdown()
    assert sink.span("work")


def test_disabled_it_still_prints_json_and_sends_nothing(clean_process, sink, lines, monkeypatch):
    import sonde

    monkeypatch.setenv("SONDE_ENABLED", "false")
    handle = sonde.configure(service="shop", endpoint=sink.url)
    sonde.get_logger().info("hello")
    assert not handle.flush(1)
    assert handle.shutdown()
    assert [line["message"] for line in lines()] == ["hello"]
    assert sink.requests == []


DOWN = """
    import logging, time, sonde
    handle = sonde.configure(service="shop")
    from opentelemetry import trace
    logging.getLogger("app").warning("before")
    for _ in range(3000):
        with trace.get_tracer("app").start_as_current_span("work"):
            pass
    assert not handle.flush(0.5)
    for _ in range(3000):
        with trace.get_tracer("app").start_as_current_span("work"):
            pass
    logging.getLogger("app").warning("after")
    print("done", flush=True)
"""


def test_a_server_that_is_down_costs_one_line_and_no_time(python):
    done = python(DOWN, environ={"SONDE_ENDPOINT": "http://127.0.0.1:9"}, timeout=60)
    assert (done.code, done.err) == (0, "")
    assert [line["message"] for line in done.lines if line["logger"] == "app"] == ["before", "after"]
    (said,) = [line["message"] for line in done.lines if line["logger"] != "app"]
    assert said.startswith("Sonde does not take telemetry at http://127.0.0.1:9/v1/")
    assert "nothing listens there (connection refused)" in said


EXIT = """
    import sonde
    sonde.configure(service="shop", console=False)
    sonde.get_logger().info("last words")
"""


def test_what_was_recorded_just_before_the_end_still_arrives(python, sink):
    assert python(EXIT).code == 0
    assert sink.log("last words")


IMPORT = """
    import sys, time
    began = time.process_time()
    import sonde
    took = time.process_time() - began
    names = dir(sonde)
    assert took < 0.15, took
    loaded = [name for name in sys.modules if name.partition(".")[0] in {
        "opentelemetry", "structlog", "requests", "numpy", "chdb", "fastapi", "starlette", "sqlalchemy", "rich"}]
    assert not loaded, loaded
    assert sonde.__version__
    sonde.configure(service="shop")
    sonde.instrument()
    with sonde.llm_call(model="m"), sonde.rag_trace(query="q"):
        sonde.get_logger().info("hello")
    heavy = [name for name in sys.modules if name.partition(".")[0] in {
        "chdb", "numpy", "fastapi", "starlette", "uvicorn", "grpc", "sqlalchemy", "clickhouse_connect", "pydantic"}]
    assert not heavy, heavy
"""


def test_the_import_is_light_and_nothing_of_the_server_is_ever_loaded(python):
    done = python(IMPORT)
    assert done.code == 0, done.err


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_reports_as_a_process_of_its_own(python, sink):
    program = """
        import os, sonde
        handle = sonde.configure(service="shop", console=False)
        from opentelemetry import trace
        for name in ("parent", "child"):
            if name == "child" and os.fork():
                os.wait()
                break
            with trace.get_tracer("app").start_as_current_span(name):
                sonde.get_logger().info(f"log of {name}")
        assert handle.flush(10)
    """
    done = python(program)
    assert done.code == 0, done.err
    parent, child = sink.span("parent").resource, sink.span("child").resource
    assert parent["service.instance.id"] != child["service.instance.id"]
    assert parent["process.pid"] != child["process.pid"]
    assert sink.log("log of child").resource["process.pid"] == child["process.pid"]


POOL = """
    import multiprocessing, sonde
    handle = sonde.configure(service="shop", console=False)
    def work(number):
        sonde.get_logger().info(f"work {number}")
    if __name__ == "__main__":
        process = multiprocessing.get_context("fork").Process(target=work, args=(1,))
        process.start()
        process.join()
        assert process.exitcode == 0
"""


def test_a_child_of_multiprocessing_sends_before_it_ends(python, sink):
    assert python(POOL).code == 0
    assert sink.log("work 1")


def test_every_public_name_is_there_and_no_other():
    import sonde

    assert sorted(sonde.__all__) == dir(sonde) == sorted([*sonde._HOMES, "__version__"])
    for name in sonde.__all__:
        assert getattr(sonde, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sonde.nothing
    assert "sonde" in sys.modules
