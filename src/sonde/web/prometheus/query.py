"""Evaluates PromQL: ``query``, ``query_range``; and ``format_query`` and ``parse_query``, which only read it.

Specification: https://prometheus.io/docs/prometheus/latest/querying/api/#expression-queries
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from fastapi import Request, Response

from sonde.errors import UserError
from sonde.query.promql.ast import Expr
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.histogram.text import json_float
from sonde.query.promql.number import plain_float
from sonde.query.promql.parser import parse
from sonde.query.promql.printer import pretty, to_json
from sonde.query.promql.query import LOOKBACK, Query, Result
from sonde.query.promql.series import Samples, Scalar, Text, Vector
from sonde.query.promql.storage import Leaf, Storage
from sonde.query.promql.validate import described, value_type
from sonde.telemetry.quoting import quote
from sonde.web.asking import Around, Reader
from sonde.web.auth import Caller
from sonde.web.prometheus import json
from sonde.web.prometheus.answer import (
    TRUNCATED,
    Listing,
    allowed,
    allowed_seconds,
    get_and_post,
    router,
    success,
    success_listing,
    within,
)
from sonde.web.prometheus.errors import of_query
from sonde.web.prometheus.form import Asked, Form, optional_time, parameter
from sonde.web.prometheus.times import parse_duration, parse_limit, parse_time
from sonde.web.surroundings import Surroundings

MAX_POINTS: Final = 11_000
routes = router()


@get_and_post(routes, "/query")
async def query(request: Request, caller: Reader, around: Around, form: Asked) -> Response:
    """The value of an expression at one ``time``."""
    limit = _limit(form)
    at = optional_time(form, "time", around.now_nano() // 1_000_000)
    seconds = _timeout(form, around)
    lookback = _lookback(form)
    asked = Query(_parsed(form), at, at, 0, lookback=lookback, text=form["query"])
    return await _answered(request, caller, around, form, asked, limit=limit, seconds=seconds)


@get_and_post(routes, "/query_range")
async def query_range(request: Request, caller: Reader, around: Around, form: Asked) -> Response:
    """The values of an expression from ``start`` to ``end``, every ``step``."""
    limit = _limit(form)
    with parameter("start"):
        start = parse_time(form["start"])
    with parameter("end"):
        end = parse_time(form["end"])
        if end < start:
            raise UserError("end timestamp must not be before start time", code="bad_data")
    with parameter("step"):
        step = int(parse_duration(form["step"]) * 1000)
        if step <= 0:
            message = "zero or negative query resolution step widths are not accepted. Try a positive integer"
            raise UserError(message, code="bad_data")
    if (end - start) // step > MAX_POINTS:
        raise UserError(
            f"exceeded maximum resolution of {MAX_POINTS:,} points per timeseries."
            " Try decreasing the query resolution (?step=XX)",
            code="bad_data",
        )
    seconds = _timeout(form, around)
    lookback = _lookback(form)
    expr = _parsed(form)
    kind = value_type(expr)
    if kind not in {"scalar", "vector"}:
        with parameter("query"):
            raise UserError(
                f"invalid expression type {quote(described(kind))} for range query, must be Scalar or instant Vector",
                code="bad_data",
            )
    asked = Query(expr, start, end, step, lookback=lookback, text=form["query"])
    return await _answered(request, caller, around, form, asked, limit=limit, seconds=seconds)


@get_and_post(routes, "/format_query")
async def format_query(_caller: Reader, form: Asked) -> Response:
    """The expression, laid out for people."""
    return success(pretty(_parsed(form)))


@get_and_post(routes, "/parse_query")
async def parse_query(_caller: Reader, form: Asked) -> Response:
    """The syntax tree of the expression."""
    return success(to_json(_parsed(form)), sort_keys=True)


@dataclass(slots=True)
class _Measured:
    """A storage, and what was read from it."""

    storage: Storage
    samples: int = 0
    seconds: float = 0.0

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        began = time.perf_counter()
        found = await self.storage.fetch(leaf)
        self.seconds = max(self.seconds, time.perf_counter() - began)
        self.samples += found.times.size if isinstance(found, Samples) else int(np.count_nonzero(found.present))
        return found


async def _answered(
    request: Request,
    caller: Caller,
    around: Surroundings,
    form: Form,
    asked: Query,
    *,
    limit: int,
    seconds: float,
) -> Response:
    asked = replace(asked, limits=allowed(around, seconds))
    storage = _Measured(ClickHouseStorage(around.store, caller.tenant, asked.limits, resident=around.resident))
    began = time.perf_counter()
    try:
        result = await within(request, caller, lambda: evaluate(storage, asked), seconds=seconds)
    except UserError as error:
        raise of_query(error) from error
    elapsed = time.perf_counter() - began
    warnings, infos = list(result.annotations.warnings), list(result.annotations.infos)
    result, is_truncated = _truncated(result, limit)
    if is_truncated:
        warnings.append(TRUNCATED)
    if form["stats"] not in {"", "true", "all"}:
        warnings.append(
            f'value {quote(form["stats"])} for parameter "stats" is deprecated and will be rejected in the next major'
            ' release, use "true" or "all"'
        )
    stats = _stats(storage, elapsed) if form["stats"] else None
    return success_listing(_listing(result, asked, stats), warnings=warnings, infos=infos)


def _listing(result: Result, asked: Query, stats: dict[str, Any] | None) -> Listing:
    tail = f',"stats":{json.written(stats)}}}' if stats else "}"
    match result.value:
        case Vector() as vector if asked.is_instant:
            return _typed("vector", json.vector_rows(vector, asked.start), tail)
        case Vector() as vector:
            return _typed("matrix", json.matrix_rows(vector, result.grid.times), tail)
        case Samples() as samples:
            return _typed("matrix", json.samples_rows(samples), tail)
        case Scalar(values) if asked.is_instant:
            pair = f'[{_moment(asked)},"{plain_float(float(values[0]))}"]'
            return Listing((), f'{{"resultType":"scalar","result":{pair}', tail)
        case Scalar(values):
            alone = Vector([()], values[None, :], np.ones((1, values.size), dtype=np.bool_))
            return _typed("matrix", json.matrix_rows(alone, result.grid.times), tail)
        case Text(value):
            pair = f"[{_moment(asked)},{json.written(value)}]"
            return Listing((), f'{{"resultType":"string","result":{pair}', tail)


def _moment(asked: Query) -> str:
    """The time of a scalar or string, which Prometheus writes as a plain number, unlike that of a sample."""
    return json_float(asked.start / 1000)


def _typed(kind: str, rows: Any, tail: str) -> Listing:
    return Listing(rows, f'{{"resultType":"{kind}","result":[', f"]{tail}")


def _truncated(result: Result, limit: int) -> tuple[Result, bool]:
    """The first series of the answer, and whether there were more."""
    match result.value:
        case Vector() as vector if limit:
            filled = np.flatnonzero(vector.present.any(axis=1))
            if filled.size <= limit:
                return result, False
            end = int(filled[limit])
            held = None if vector.histograms is None else vector.histograms[:end]
            part = Vector(vector.labels[:end], vector.values[:end], vector.present[:end], held)
            return replace(result, value=part), True
        case Samples() as samples if 0 < limit < len(samples.labels):
            part_of = replace(samples, labels=samples.labels[:limit], offsets=samples.offsets[: limit + 1])
            return replace(result, value=part_of), True
    return result, False


def _stats(storage: _Measured, elapsed: float) -> dict[str, Any]:
    return {
        "timings": {
            "evalTotalTime": elapsed,
            "resultSortTime": 0,
            "queryPreparationTime": storage.seconds,
            "innerEvalTime": max(elapsed - storage.seconds, 0.0),
            "execQueueTime": 0,
            "execTotalTime": elapsed,
        },
        "samples": {
            "totalQueryableSamples": storage.samples,
            "samplesRead": storage.samples,
            "peakSamples": storage.samples,
        },
    }


def _parsed(form: Form) -> Expr:
    with parameter("query"):
        return parse(form["query"])


def _limit(form: Form) -> int:
    with parameter("limit"):
        return parse_limit(form["limit"])


def _timeout(form: Form, around: Surroundings) -> float:
    """The caller's time limit, or ours where that is smaller."""
    ours = allowed_seconds(around)
    if not form["timeout"]:
        return ours
    with parameter("timeout"):
        return min(max(parse_duration(form["timeout"]), 0.0), ours)


def _lookback(form: Form) -> int:
    """The lookback in milliseconds."""
    if not form["lookback_delta"]:
        return LOOKBACK
    try:
        given = int(parse_duration(form["lookback_delta"]) * 1000)
    except UserError as error:
        raise UserError(f"error parsing lookback delta duration: {error.message}", code="bad_data") from None
    return given if given > 0 else LOOKBACK
