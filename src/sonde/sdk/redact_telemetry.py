"""Applies ``redact`` to spans and log records of the OpenTelemetry SDK, giving back the same object when it is clean.

Used by ``wire`` on the sender's thread. Copies only what changed; identifiers, times and the resource are left alone.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status

from sonde.sdk.redact import Redactor


def redact_span(redactor: Redactor, span: ReadableSpan) -> ReadableSpan:
    """The span with nothing secret in its name, status, attributes, events and links."""
    changes: dict[str, Any] = {}
    if (attributes := _clean(redactor, span.attributes)) is not None:
        changes["attributes"] = attributes
    if (name := redactor.text(span.name)) is not span.name:
        changes["name"] = name
    if (status := _clean_status(redactor, span.status)) is not span.status:
        changes["status"] = status
    if events := span.events:
        cleaned_events = tuple(_clean_event(redactor, event) for event in events)
        if any(new is not old for new, old in zip(cleaned_events, events, strict=True)):
            changes["events"] = cleaned_events
    if links := span.links:
        cleaned_links = tuple(_clean_link(redactor, link) for link in links)
        if any(new is not old for new, old in zip(cleaned_links, links, strict=True)):
            changes["links"] = cleaned_links
    return _with(span, changes) if changes else span


def _with(span: ReadableSpan, changes: Mapping[str, Any]) -> ReadableSpan:
    same = {
        "name": span.name,
        "context": span.context,
        "parent": span.parent,
        "resource": span.resource,
        "attributes": span.attributes,
        "events": span.events,
        "links": span.links,
        "kind": span.kind,
        "status": span.status,
        "start_time": span.start_time,
        "end_time": span.end_time,
        "instrumentation_scope": span.instrumentation_scope,
    }
    return ReadableSpan(**{**same, **changes})


def redact_record(redactor: Redactor, record: ReadableLogRecord) -> ReadableLogRecord:
    """The log record with nothing secret in its body and attributes."""
    log = record.log_record
    attributes = _clean(redactor, log.attributes)
    body = redactor.value("", log.body)
    if attributes is None and body is log.body:
        return record
    cleaned = copy.copy(log)
    cleaned.body = body  # type: ignore[assignment]
    cleaned.attributes = log.attributes if attributes is None else attributes
    return dataclasses.replace(record, log_record=cleaned)


def _clean(redactor: Redactor, attributes: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The cleaned attributes, or None when they were clean."""
    if not attributes:
        return None
    plain: dict[str, Any] = attributes.copy()  # type: ignore[attr-defined] # both SDK mappings have it; far quicker to walk
    cleaned = redactor.mapping(plain)
    return None if cleaned is plain else dict(cleaned)


def _clean_status(redactor: Redactor, status: Status) -> Status:
    if not status.description:
        return status
    description = redactor.text(status.description)
    return status if description is status.description else Status(status.status_code, description)


def _clean_event(redactor: Redactor, event: Event) -> Event:
    attributes = _clean(redactor, event.attributes)
    return event if attributes is None else Event(event.name, attributes, event.timestamp)


def _clean_link(redactor: Redactor, link: Link) -> Link:
    attributes = _clean(redactor, link.attributes)
    return link if attributes is None else Link(link.context, attributes)
