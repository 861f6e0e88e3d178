"""``sonde.feedback()``: what a person thought of an answer, as a log record on the trace that gave it; it becomes a
score.

A log record and not a span: it comes minutes or days after the trace, and must not be sampled away with it.
"""

from __future__ import annotations

import time
import uuid

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.context import Context

from sonde.sdk.guard import guard

EVENT = "sonde.feedback"


def feedback(
    trace_id: str | int,
    rating: float | bool | str,
    user_id: str | None = None,
    comment: str | None = None,
    *,
    name: str = "user_feedback",
    span_id: str | int | None = None,
    session_id: str | None = None,
) -> str:
    """Rate the answer that a trace gave.

        sonde.feedback(trace_id, rating=1, user_id="ada", comment="spot on")

    Args:
        trace_id: of the rated trace, as ``sonde.current_trace_id()`` gave it while the trace went on.
        rating: a number (thumbs: 1 and 0; stars: 1 to 5), or a word such as "good".
        user_id: who rates.
        comment: in their words.
        name: which score this is, when there is more than one.
        span_id: of the rated call, when the trace has several.
        session_id: the conversation it belongs to.

    Returns:
        The id of the score.
    """
    score_id = uuid.uuid4().hex
    with guard("sdk.feedback"):
        kind, value = ("value", rating) if isinstance(rating, str) else ("rating", float(rating))
        given = {
            "name": name,
            kind: value,
            "user_id": user_id,
            "comment": comment,
            "session_id": session_id,
            "score_id": score_id,
        }
        get_logger("sonde.feedback").emit(
            LogRecord(
                timestamp=time.time_ns(),
                context=_context_of(_number(trace_id), _number(span_id or 0)),
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body="feedback",
                attributes={f"{EVENT}.{key}": item for key, item in given.items() if item is not None},
                event_name=EVENT,
            )
        )
    return score_id


def _context_of(trace_id: int, span_id: int) -> Context:
    span_context = trace.SpanContext(trace_id, span_id, is_remote=True)
    return trace.set_span_in_context(trace.NonRecordingSpan(span_context), Context())


def _number(identifier: str | int) -> int:
    """An id as a number, from hex with or without 0x or dashes.

    >>> _number("0af7651916cd43dd8448eb211c80319c") == _number("0AF76519-16CD-43DD-8448-EB211C80319C")
    True
    """
    return identifier if isinstance(identifier, int) else int(identifier.replace("-", ""), 16)
