"""`sonde query promql`: an expression to a running Sonde's Prometheus API, its value as a table, JSON, CSV or TSV."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from sonde.cli import options
from sonde.cli.format import Format
from sonde.errors import UserError

PROMETHEUS: Final = "/prometheus/api/v1"
_POINTS: Final = 250
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z", re.ASCII)
_BRACKETS: Final = ("(]", "[)", "()", "[]")
Row = Sequence[object]


def promql(
    expression: Annotated[str, typer.Argument(metavar="EXPR", help="An expression in PromQL; - reads it from stdin.")],
    at: Annotated[str, typer.Option("--time", metavar="TIME", help="Evaluate at this time.", show_default="now")] = "",
    start: Annotated[
        str, typer.Option(metavar="TIME", help="A range query from here.", show_default="an hour before the end")
    ] = "",
    end: Annotated[str, typer.Option(metavar="TIME", help="A range query up to here.", show_default="now")] = "",
    step: Annotated[
        str, typer.Option(metavar="DURATION", help="A range query every so often.", show_default="a 250th of it")
    ] = "",
    format: Annotated[Format, typer.Option(help="How values are written.")] = Format.TABLE,  # noqa: A002 -- the flag's name
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Evaluate PromQL.

    Times are Unix seconds, RFC 3339 or now-1h. Without --start, --end and --step it is an instant query.

    sonde query promql "sum by (job) (rate(http_requests_total[5m]))" --start now-6h --step 5m
    """
    from sonde.cli.connection import Connection
    from sonde.cli.rows import write_rows

    text = sys.stdin.read() if expression == "-" else expression
    path, parameters = asked(text, at, start, end, step, now_nano=time.time_ns())
    answer = Connection(server, key, tenant, api=PROMETHEUS).post_form(path, parameters)
    data = answer["data"]
    if format is Format.JSON:
        print(json.dumps(data, ensure_ascii=False, indent=1))
    else:
        names, rows = table(data)
        write_rows(sys.stdout, format.value, names, rows)
    sys.stdout.flush()
    for note in (*answer.get("warnings", ()), *answer.get("infos", ())):
        print(note, file=sys.stderr)


def asked(text: str, at: str, start: str, end: str, step: str, *, now_nano: int) -> tuple[str, dict[str, str]]:
    """Which endpoint, and its parameters.

    >>> asked("up", "", "0", "3600", "", now_nano=0)
    ('/query_range', {'query': 'up', 'start': '0.000', 'end': '3600.000', 'step': '14.4'})

    Raises:
        UserError: A time that is none, or ``--time`` beside a range.
    """
    from sonde.query.window import parse_range, parse_time

    if not (start or end or step):
        return "/query", {"query": text, "time": _seconds(parse_time(at, now_nano=now_nano) if at else now_nano)}
    if at:
        raise UserError("--time is for an instant query, --start, --end and --step for a range", code="cli.bad_time")
    window = parse_range(start or None, end or None, now_nano=now_nano)
    length = (window.end_nano - window.start_nano) / 1e9
    parameters = {"query": text, "start": _seconds(window.start_nano), "end": _seconds(window.end_nano)}
    return "/query_range", {**parameters, "step": step or f"{max(length / _POINTS, 1):g}"}


def table(data: Mapping[str, Any]) -> tuple[list[str], list[Row]]:
    """The names of the columns and the rows of a result.

    >>> table({"resultType": "vector", "result": [{"metric": {"__name__": "up", "job": "api"}, "value": [1.5, "1"]}]})
    (['series', 'value'], [['up{job="api"}', 1]])
    """
    match data["resultType"]:
        case "vector":
            return ["series", "value"], [[series(found["metric"]), _sample(found)] for found in data["result"]]
        case "matrix":
            return ["series", "time", "value"], list(_points(data["result"]))
        case "scalar":
            return ["value"], [[_number(data["result"][1])]]
        case _:
            return ["value"], [[data["result"][1]]]


def series(metric: Mapping[str, str]) -> str:
    """A series as PromQL writes it.

    >>> series({"__name__": "up", "job": "api"}), series({"__name__": "http.requests", "k8s.pod": "a"})
    ('up{job="api"}', '{"http.requests", "k8s.pod"="a"}')
    """
    name = metric.get("__name__", "")
    parts = [] if not name or _NAME.match(name) else [json.dumps(name, ensure_ascii=False)]
    for label, value in metric.items():
        if label != "__name__":
            shown = label if _NAME.match(label) else json.dumps(label, ensure_ascii=False)
            parts.append(f"{shown}={json.dumps(value, ensure_ascii=False)}")
    braces = f"{{{', '.join(parts)}}}" if parts or not name else ""
    return f"{name if _NAME.match(name) else ''}{braces}"


def _points(found: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    for each in found:
        name = series(each["metric"])
        points = sorted([*each.get("values", ()), *each.get("histograms", ())], key=lambda point: point[0])
        for moment, value in points:
            yield [name, _moment(moment), _value(value)]


def _sample(found: Mapping[str, Any]) -> object:
    return _value((found.get("value") or found["histogram"])[1])


def _value(value: object) -> object:
    if isinstance(value, Mapping):
        buckets = "".join(
            f", {_BRACKETS[kind][0]}{low},{high}{_BRACKETS[kind][1]}:{count}"
            for kind, low, high, count in value.get("buckets", ())
        )
        return f"{{count:{value['count']}, sum:{value['sum']}{buckets}}}"
    return _number(value)


def _number(text: object) -> object:
    """A finite number as one, so that it stands to the right; anything else as it is."""
    if not isinstance(text, str) or text in {"NaN", "+Inf", "-Inf"}:
        return text
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _moment(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}" + (f".{at.microsecond // 1000:03d}Z" if at.microsecond else "Z")


def _seconds(unix_nano: int) -> str:
    return f"{unix_nano / 1e9:.3f}"
