"""Arguments win over SONDE_*, that over OTEL_*, that over defaults."""

from __future__ import annotations

import logging

import pytest

from sonde.errors import UserError
from sonde.sdk.settings import resolve
from sonde.telemetry.signal import Signal


@pytest.mark.parametrize(
    ("environ", "arguments", "field", "expected"),
    [
        ({}, {"service": "a"}, "service", "a"),
        ({"SONDE_SERVICE": "b", "OTEL_SERVICE_NAME": "c"}, {"service": "a"}, "service", "a"),
        ({"SONDE_SERVICE": "b", "OTEL_SERVICE_NAME": "c"}, {}, "service", "b"),
        ({"OTEL_SERVICE_NAME": "c", "OTEL_RESOURCE_ATTRIBUTES": "service.name=d"}, {}, "service", "c"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=d"}, {}, "service", "d"),
        ({}, {"command": ["python", "jobs/nightly.py"]}, "service", "nightly"),
        ({}, {"command": ["python", "/v/bin/gunicorn", "-w", "4", "shop.wsgi:app"]}, "service", "shop.wsgi"),
        ({}, {}, "service", "python"),
        ({}, {}, "service_is_a_guess", True),
        (
            {"SONDE_API_KEY": "k", "SONDE_TENANT": "t"},
            {},
            "headers",
            {"authorization": "Bearer k", "x-scope-orgid": "t"},
        ),
        (
            {"SONDE_ENVIRONMENT": "production"},
            {"version": "2"},
            "resource",
            {"deployment.environment.name": "production", "service.version": "2"},
        ),
        ({"SONDE_CONSOLE": "off"}, {}, "console", False),
        ({"SONDE_CAPTURE_CONTENT": "False"}, {}, "capture_content", False),
        ({"SONDE_CAPTURE_CONTENT": "false"}, {"capture_content": True}, "capture_content", True),
        ({"SONDE_LOG_LEVEL": "debug"}, {}, "log_level", logging.DEBUG),
        ({"OTEL_BSP_SCHEDULE_DELAY": "250", "OTEL_METRIC_EXPORT_INTERVAL": "5000"}, {}, "metric_interval_seconds", 5.0),
    ],
)
def test_where_a_setting_comes_from(environ, arguments, field, expected):
    assert getattr(resolve(environ, **arguments), field) == expected


@pytest.mark.parametrize(
    ("environ", "endpoint", "expected"),
    [
        ({}, None, "http://127.0.0.1:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}, None, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"}, None, "http://t/x"),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x", "SONDE_ENDPOINT": "https://s"},
            None,
            "https://s/v1/traces",
        ),
        ({"SONDE_ENDPOINT": "https://s"}, "http://given:1", "http://given:1/v1/traces"),
        ({"OTEL_TRACES_EXPORTER": "none"}, None, None),
        ({"OTEL_SDK_DISABLED": "true"}, None, None),
        ({"SONDE_ENABLED": "false"}, None, None),
    ],
)
def test_where_traces_go(environ, endpoint, expected):
    assert resolve(environ, endpoint=endpoint).endpoints.get(Signal.TRACES) == expected


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SONDE_ENDPOINT": "sonde:4318"}, "endpoint 'sonde:4318' is not an address"),
        ({"SONDE_TENANT": "a/b"}, "tenant id 'a/b'"),
        ({"SONDE_CONSOLE": "maybe"}, "SONDE_CONSOLE is 'maybe'"),
        ({"SONDE_LOG_LEVEL": "loud"}, "log level 'loud' is unknown"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "many"}, "OTEL_BSP_MAX_QUEUE_SIZE is 'many'"),
        ({"OTEL_BSP_SCHEDULE_DELAY": "-1"}, "OTEL_BSP_SCHEDULE_DELAY is -1"),
    ],
)
def test_a_wrong_setting_is_named(environ, message):
    with pytest.raises(UserError, match=message):
        resolve(environ)


def test_the_api_key_is_not_in_the_repr():
    assert "s3cret" not in repr(resolve({"SONDE_API_KEY": "s3cret"}))
