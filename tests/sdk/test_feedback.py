"""``sonde.feedback``: a log record on the rated trace, whenever it comes."""

from __future__ import annotations

import pytest

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("rating", "field", "expected"),
    [(5, "rating", 5.0), (0.25, "rating", 0.25), (True, "rating", 1.0), ("good", "value", "good")],
)
def test_a_rating_becomes_a_record_of_that_trace(sonde, sink, flush, rating, field, expected):
    score_id = sonde.feedback(TRACE, rating, "ada", "spot on", span_id="b7ad6b7169203331", session_id="s-1")
    flush()
    (record,) = sink.logs
    assert record.item.event_name == "sonde.feedback"
    assert record.body == "feedback"
    assert (record.item.trace_id.hex(), record.item.span_id.hex()) == (TRACE, "b7ad6b7169203331")
    assert record.attributes == {
        "sonde.feedback.name": "user_feedback",
        f"sonde.feedback.{field}": expected,
        "sonde.feedback.user_id": "ada",
        "sonde.feedback.comment": "spot on",
        "sonde.feedback.session_id": "s-1",
        "sonde.feedback.score_id": score_id,
    }


def test_a_trace_alone_is_enough(sonde, sink, flush):
    sonde.feedback(TRACE, 1)
    flush()
    (record,) = sink.logs
    assert record.item.trace_id.hex() == TRACE
    assert record.item.span_id == b""


def test_a_wrong_id_does_not_hurt(clean_process, sink, caplog):
    import sonde

    handle = sonde.configure(service="shop", endpoint=sink.url, console=False)
    sonde.feedback("no hex", 1)
    assert handle.shutdown()
    assert [record.body for record in sink.logs] == [
        "sdk.feedback failed; your program goes on, further failures there are only counted"
    ]
