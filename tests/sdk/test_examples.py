"""The examples do what they say."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_script(python, sink):
    done = python(f"import runpy; runpy.run_path({str(EXAMPLES / 'sdk_script.py')!r}, run_name='__main__')")
    assert (done.code, done.err) == (0, "")
    assert [line["message"] for line in done.lines] == ["page read", "page read", "page failed", "page read"]
    pages = [span for span in sink.spans if span.name == "read_page"]
    assert [span.item.status.code for span in pages] == [0, 0, 2, 0]
    assert {span.attributes["tenant_id"] for span in pages} == {"acme"}
    (scraped,) = [metric for metric in sink.metrics if metric.name == "products_scraped"]
    assert scraped.item.sum.data_points[0].as_int == 60


def test_the_service(python, sink):
    program = f"""
        import sys
        sys.path.insert(0, {str(EXAMPLES)!r})
        import sdk_service
        from starlette.testclient import TestClient
        client = TestClient(sdk_service.app)
        answer = client.get("/answer", params={{"question": "Which shoe is light?", "user": "ada"}}).json()
        assert "Feather" in answer["answer"], answer
        client.post("/rate", params={{"trace_id": answer["trace_id"], "rating": 1, "comment": "spot on"}})
        print(answer["trace_id"])
    """
    done = python(program)
    assert (done.code, done.err) == (0, "")
    trace_id = done.out.splitlines()[-1]
    asked = [span for span in sink.spans if span.item.trace_id.hex() == trace_id]
    assert [span.name for span in asked] == ["chat gpt-4o-mini", "rag retrieve", "GET /answer"]
    assert {span.attributes["user.id"] for span in asked} == {"ada"}
    assert sink.log("feedback").item.trace_id.hex() == trace_id
    assert sink.log("answered").item.trace_id.hex() == trace_id
