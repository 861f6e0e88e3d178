"""The words OTLP answers with: ``Export*ServiceResponse`` for success, ``google.rpc.Status`` for errors."""

from __future__ import annotations

import json

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import Code  # type: ignore[import-untyped]
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from sonde.errors import SondeError, Unavailable
from sonde.receivers.otlp.body import CheckedBody
from sonde.receivers.otlp.content import JSON
from sonde.receivers.otlp.services import Service

CODES: dict[int, int] = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    405: Code.UNIMPLEMENTED,
    408: Code.DEADLINE_EXCEEDED,
    413: Code.RESOURCE_EXHAUSTED,
    415: Code.INVALID_ARGUMENT,
    500: Code.INTERNAL,
    501: Code.UNIMPLEMENTED,
    503: Code.UNAVAILABLE,
}
"""HTTP statuses of our errors as codes of gRPC."""


def success(service: Service, checked: CheckedBody, media_type: str) -> bytes:
    """Write an ``Export*ServiceResponse``; empty unless something was rejected."""
    if not checked.rejected:
        return b"{}" if media_type == JSON else b""
    if media_type == JSON:
        head, *rest = service.rejected_field.split("_")
        name = head + "".join(word.title() for word in rest)
        return json.dumps({"partialSuccess": {name: str(checked.rejected), "errorMessage": checked.message}}).encode()
    partial = {service.rejected_field: checked.rejected, "error_message": checked.message}
    return service.response(partial_success=partial).SerializeToString()


def text(error: SondeError) -> str:
    """Say what was wrong and what to do next, in one line."""
    return f"{error.message}; {error.hint}" if error.hint else error.message


def status(error: SondeError) -> Status:
    """Write an error as gRPC's status; one that will pass has a ``RetryInfo``, without which senders give up."""
    answer = Status(code=CODES.get(error.http_status, Code.INVALID_ARGUMENT), message=text(error))
    if isinstance(error, Unavailable):
        nanoseconds = round(error.retry_after_seconds * 1e9)
        delay = Duration(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)
        detail = Any()
        detail.Pack(RetryInfo(retry_delay=delay))
        answer.details.append(detail)
    return answer


def failure(error: SondeError, media_type: str) -> bytes:
    """Write an error as the body of an HTTP answer."""
    answer = status(error)
    if media_type == JSON:
        return json.dumps({"code": answer.code, "message": answer.message}).encode()
    return bytes(answer.SerializeToString())
