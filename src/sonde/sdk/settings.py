"""What ``configure`` was told, by its arguments or by the environment, as one frozen record; ``configure`` hands it on
to all.

An argument wins over ``SONDE_...``, that over ``OTEL_...``, that over the default. ``VARIABLES`` is the table of what
is read here; the OpenTelemetry SDK itself reads the rest of its variables (sampler, limits, certificates, compression,
timeouts).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from types import MappingProxyType
from urllib.parse import unquote

from sonde.errors import UserError
from sonde.telemetry.signal import OTEL_SIGNALS, Signal
from sonde.telemetry.tenancy import TENANT_HEADER, parse_tenant

DEFAULT_ENDPOINT = "http://127.0.0.1:4318"

VARIABLES: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType(
    {
        "service": (("SONDE_SERVICE", "OTEL_SERVICE_NAME"), "name of this service"),
        "endpoint": (("SONDE_ENDPOINT",), "where Sonde listens for OTLP over HTTP, without /v1/..."),
        "api_key": (("SONDE_API_KEY",), "sent as Authorization: Bearer"),
        "tenant": (("SONDE_TENANT",), "sent as X-Scope-OrgID"),
        "environment": (("SONDE_ENVIRONMENT",), "deployment.environment.name, such as production"),
        "version": (("SONDE_VERSION",), "service.version"),
        "console": (("SONDE_CONSOLE",), "JSON log lines on stdout (default true)"),
        "log_level": (("SONDE_LOG_LEVEL",), "least severe level that is logged (default INFO)"),
        "capture_content": (("SONDE_CAPTURE_CONTENT",), "keep prompts and completions of LLM calls (default true)"),
        "enabled": (("SONDE_ENABLED",), "false: send nothing (OTEL_SDK_DISABLED=true does the same)"),
    }
)

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the SDK's parts need to know. ``endpoints`` holds one URL a signal; a signal that is off is absent."""

    service: str
    service_is_a_guess: bool
    endpoints: Mapping[Signal, str]
    headers: Mapping[str, str] = field(repr=False)
    resource: Mapping[str, str]
    console: bool
    log_level: int
    capture_content: bool
    queue_size: int
    batch_size: int
    delay_seconds: float
    metric_interval_seconds: float


def resolve(
    environ: Mapping[str, str],
    *,
    service: str | None = None,
    endpoint: str | None = None,
    api_key: str | None = None,
    tenant: str | None = None,
    environment: str | None = None,
    version: str | None = None,
    resource: Mapping[str, str] | None = None,
    console: bool | None = None,
    log_level: str | int | None = None,
    capture_content: bool | None = None,
    command: Sequence[str] = (),
) -> Settings:
    """Settle every setting, or say with a ``UserError`` which one is wrong.

    >>> settings = resolve({"SONDE_ENDPOINT": "http://sonde:4318/", "SONDE_TENANT": "team-a"}, service="shop")
    >>> settings.endpoints[Signal.LOGS], dict(settings.headers)
    ('http://sonde:4318/v1/logs', {'x-scope-orgid': 'team-a'})
    """

    def text(name: str, given: str | None) -> str:
        return (
            given if given is not None else next((environ[key] for key in VARIABLES[name][0] if environ.get(key)), "")
        )

    attributes = _pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    named = text("service", service) or attributes.get("service.name", "")
    attributes |= {
        key: value
        for key, value in (
            ("deployment.environment.name", text("environment", environment)),
            ("service.version", text("version", version)),
        )
        if value
    }
    headers = {}
    if key := text("api_key", api_key):
        headers["authorization"] = f"Bearer {key}"
    if name := text("tenant", tenant):
        headers[TENANT_HEADER] = parse_tenant(name)
    return Settings(
        service=named or _name_of(command),
        service_is_a_guess=not named,
        endpoints=_endpoints(environ, text("endpoint", endpoint)),
        headers=headers,
        resource=attributes | dict(resource or {}),
        console=_flag(environ, "console", console, default=True),
        log_level=_level(log_level if log_level is not None else text("log_level", None) or "INFO"),
        capture_content=_flag(environ, "capture_content", capture_content, default=True),
        queue_size=int(_number(environ, "OTEL_BSP_MAX_QUEUE_SIZE", 4096)),
        batch_size=int(_number(environ, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)),
        delay_seconds=_number(environ, "OTEL_BSP_SCHEDULE_DELAY", 1000) / 1000,
        metric_interval_seconds=_number(environ, "OTEL_METRIC_EXPORT_INTERVAL", 15_000) / 1000,
    )


def _endpoints(environ: Mapping[str, str], given: str) -> dict[Signal, str]:
    if (
        not _flag(environ, "enabled", None, default=True)
        or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    ):
        return {}
    shared = given or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or DEFAULT_ENDPOINT
    if not shared.startswith(("http://", "https://")):
        raise UserError(
            f"endpoint {shared!r} is not an address", code="sdk.bad_endpoint", hint=f"write it like {DEFAULT_ENDPOINT}"
        )
    return {
        signal: (not given and environ.get(f"OTEL_EXPORTER_OTLP_{signal.name}_ENDPOINT"))
        or f"{shared.removesuffix('/')}/v1/{signal.value}"
        for signal in OTEL_SIGNALS
        if environ.get(f"OTEL_{signal.name}_EXPORTER", "otlp").strip().lower() != "none"
    }


def _name_of(command: Sequence[str]) -> str:
    """A service name out of the command line, as good as it gets: the script or module, not the interpreter.

    >>> _name_of(["/usr/bin/python3.12", "-W", "error", "jobs/nightly.py"]), _name_of(["python", "-m", "shop.worker"])
    ('nightly', 'shop.worker')
    >>> _name_of(["python", "/srv/.venv/bin/uvicorn", "shop.main:app"]), _name_of(["python", "-c", "print(1)"])
    ('shop.main', 'python')
    """
    words = list(command[1:])
    while words:
        word = words.pop(0)
        if word == "-m" and words:
            module = words.pop(0)
            return _served(module, words)
        if word == "-c":
            break
        if word in {"-W", "-X"} and words:
            words.pop(0)
        elif not word.startswith("-"):
            return _served(PurePath(word).stem, words)
    return "python"


def _served(program: str, arguments: Sequence[str]) -> str:
    """``uvicorn shop.main:app`` is the service shop.main, not the service uvicorn."""
    if program in {"uvicorn", "gunicorn", "hypercorn", "granian", "daphne"}:
        for argument in arguments:
            module, colon, attribute = argument.partition(":")
            if colon and attribute.isidentifier() and not module.startswith("-"):
                return module
    return program


def _pairs(text: str) -> dict[str, str]:
    """``OTEL_RESOURCE_ATTRIBUTES``.

    >>> _pairs("team=core,  service.version=1%2C2,broken")
    {'team': 'core', 'service.version': '1,2'}
    """
    pairs = (item.partition("=") for item in text.split(","))
    return {key.strip(): unquote(value.strip()) for key, equals, value in pairs if equals and key.strip()}


def _flag(environ: Mapping[str, str], name: str, given: bool | None, *, default: bool) -> bool:
    if given is not None:
        return given
    for variable in VARIABLES[name][0]:
        if word := environ.get(variable, "").strip().lower():
            if word in _TRUE or word in _FALSE:
                return word in _TRUE
            raise UserError(f"{variable} is {word!r}", code="sdk.bad_flag", hint="use true or false")
    return default


def _level(level: str | int) -> int:
    if isinstance(level, int):
        return level
    number = logging.getLevelNamesMapping().get(level.strip().upper())
    if number is None:
        raise UserError(
            f"log level {level!r} is unknown", code="sdk.bad_level", hint="use DEBUG, INFO, WARNING or ERROR"
        )
    return number


def _number(environ: Mapping[str, str], variable: str, default: float) -> float:
    text = environ.get(variable, "").strip()
    try:
        number = float(text) if text else default
    except ValueError as error:
        raise UserError(f"{variable} is {text!r}", code="sdk.bad_number", hint="use a number") from error
    if number <= 0:
        raise UserError(f"{variable} is {text}", code="sdk.bad_number", hint="use a number above 0")
    return number


def command_line() -> Sequence[str]:
    """The command that started this process; known even before ``sys.argv`` is, when ``sonde run`` sets up."""
    return sys.orig_argv
