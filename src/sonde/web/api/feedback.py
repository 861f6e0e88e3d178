"""``POST /feedback``: what a person thinks of an answer, kept as the same log event that ``sonde.feedback`` sends."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Final

from fastapi import APIRouter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from pydantic import BaseModel, ConfigDict, Field

from sonde.query.identifiers import parse_span_id, parse_trace_id
from sonde.telemetry.signal import Signal
from sonde.web.asking import Around, Sender

router = APIRouter(tags=["feedback"])
EVENT_NAME: Final = "sonde.feedback"
_SEVERITY_INFO: Final = 9


class Feedback(BaseModel):
    """A rating of a trace, or of one span of it."""

    model_config = ConfigDict(extra="forbid")

    trace_id: str
    span_id: str | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] = "user_feedback"
    rating: Annotated[bool | float | str, Field(description="A number, true or false, or a word such as good")]
    user_id: Annotated[str, Field(max_length=500)] = ""
    session_id: Annotated[str, Field(max_length=500)] = ""
    comment: Annotated[str, Field(max_length=10_000)] = ""
    service: Annotated[str, Field(max_length=500)] = ""


class Kept(BaseModel):
    """What was made of it."""

    score_id: str


@router.post("/feedback", status_code=201)
async def feedback(caller: Sender, around: Around, given: Feedback) -> Kept:
    """Keep feedback. It is durable when this answers, and can be queried a second or two later."""
    score_id = uuid.uuid4().hex
    body = encode(given, score_id=score_id, now_nano=around.now_nano())
    await around.consumer.consume(Signal.LOGS, body, tenant=caller.tenant)
    return Kept(score_id=score_id)


def encode(given: Feedback, *, score_id: str, now_nano: int) -> bytes:
    """Feedback as an OTLP export request with one log record."""
    # A number is a rating, a word is a value: the store keeps them apart.
    rated = "value" if isinstance(given.rating, str) else "rating"
    fields: dict[str, Any] = {
        "name": given.name,
        rated: given.rating,
        "user_id": given.user_id,
        "session_id": given.session_id,
        "comment": given.comment,
        "score_id": score_id,
    }
    record = LogRecord(
        time_unix_nano=now_nano,
        observed_time_unix_nano=now_nano,
        severity_number=_SEVERITY_INFO,  # type: ignore[arg-type]
        event_name=EVENT_NAME,
        body=AnyValue(string_value="feedback"),
        trace_id=bytes.fromhex(parse_trace_id(given.trace_id)),
        span_id=bytes.fromhex(parse_span_id(given.span_id)) if given.span_id else b"",
        attributes=[_attribute(f"{EVENT_NAME}.{key}", value) for key, value in fields.items() if value != ""],
    )
    resource = Resource(attributes=[_attribute("service.name", given.service)] if given.service else [])
    of_resource = ResourceLogs(resource=resource, scope_logs=[ScopeLogs(log_records=[record])])
    return ExportLogsServiceRequest(resource_logs=[of_resource]).SerializeToString()


def _attribute(key: str, value: str | float | bool) -> KeyValue:
    match value:
        case bool():
            return KeyValue(key=key, value=AnyValue(bool_value=value))
        case str():
            return KeyValue(key=key, value=AnyValue(string_value=value))
        case _:
            return KeyValue(key=key, value=AnyValue(double_value=value))
