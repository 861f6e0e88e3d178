"""Which series there are, their labels, metadata and exemplars, and what there is most of.

A series is known by the days on which it had samples, so ``start`` and ``end`` are widened to whole days.
Specification: https://prometheus.io/docs/prometheus/latest/querying/api/#querying-metadata
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request, Response

from sonde.errors import UserError
from sonde.query.engine import Inquiry
from sonde.query.promql.ast import VectorSelector
from sonde.query.promql.clickhouse import catalog
from sonde.query.promql.clickhouse.cardinality import DAY, Cardinality, Days, cardinality, extent
from sonde.query.promql.clickhouse.catalog import Exemplar
from sonde.query.promql.histogram.text import json_float
from sonde.query.promql.parser import parse
from sonde.query.promql.walk import walk
from sonde.telemetry.labels import Labels
from sonde.telemetry.matcher import Matcher
from sonde.telemetry.quoting import quote
from sonde.web.asking import Reader, inquiry
from sonde.web.auth import Caller
from sonde.web.prometheus import json
from sonde.web.prometheus.answer import (
    TRUNCATED,
    Listing,
    get_and_post,
    nothing,
    router,
    success,
    success_listing,
    within,
)
from sonde.web.prometheus.errors import of_query
from sonde.web.prometheus.form import Asked, Form, optional_time, parameter
from sonde.web.prometheus.label_name import unescaped
from sonde.web.prometheus.selector import parse_selectors
from sonde.web.prometheus.targets import metadata_limit
from sonde.web.prometheus.times import MAX_TIME, MIN_TIME, parse_limit, parse_whole

MAX_CARDINALITY: Final = 10_000
_T = TypeVar("_T")
routes = router()


@dataclass(frozen=True, slots=True)
class Lookup:
    """One caller's way to the catalog."""

    request: Request
    caller: Caller
    inquiry: Inquiry

    @property
    def tenant(self) -> str:
        """Whose series are asked for."""
        return self.caller.tenant

    async def answer(self, work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Await the work. Raises what a query would."""
        try:
            return await within(self.request, self.caller, work)
        except UserError as error:
            raise of_query(error) from error


async def lookup(request: Request, caller: Reader, asked: Annotated[Inquiry, Depends(inquiry)]) -> Lookup:
    """The way to the catalog of who asks."""
    return Lookup(request, caller, asked)


Looking = Annotated[Lookup, Depends(lookup)]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which series are asked for, and how many answers at most; 0 is all."""

    selectors: Sequence[tuple[Matcher, ...]]
    start: int
    end: int
    limit: int

    @property
    def one_more(self) -> int | None:
        """A limit that tells whether there were more."""
        return self.limit + 1 if self.limit else None


@get_and_post(routes, "/series")
async def series(looking: Looking, form: Asked) -> Response:
    """The label sets of all series that any ``match[]`` selects."""
    if not form.all("match[]"):
        raise UserError("no match[] parameter provided", code="bad_data")
    limit, start, end = _limit(form), _start(form), _end(form)
    with parameter("match[]"):
        chosen = Chosen(parse_selectors(form.all("match[]")), start, end, limit)
    found = await looking.answer(
        lambda: catalog.series(
            looking.inquiry, looking.tenant, chosen.selectors, start=start, end=end, limit=chosen.one_more
        )
    )
    shown, warnings = _shortened(found, limit)
    return success_listing(Listing(map(json.labels, shown)), warnings=warnings)


@get_and_post(routes, "/labels")
async def labels(looking: Looking, form: Asked) -> Response:
    """The names of all labels, or of those of the series that any ``match[]`` selects."""
    chosen = _chosen(form)
    found = await looking.answer(
        lambda: catalog.label_names(
            looking.inquiry,
            looking.tenant,
            chosen.selectors,
            start=chosen.start,
            end=chosen.end,
            limit=chosen.one_more,
        )
    )
    shown, warnings = _shortened(found, chosen.limit)
    return success(shown, warnings=warnings)


@routes.get("/label/{name}/values")
async def label_values(looking: Looking, form: Asked, name: str) -> Response:
    """The values of a label; a name with other characters than letters and digits is escaped: ``U__k8s_2e_pod``."""
    label = unescaped(name)
    if not label:
        raise UserError(f"invalid label name: {quote(label)}", code="bad_data")
    chosen = _chosen(form)
    found = await looking.answer(
        lambda: catalog.label_values(
            looking.inquiry,
            looking.tenant,
            label,
            chosen.selectors,
            start=chosen.start,
            end=chosen.end,
            limit=chosen.one_more,
        )
    )
    shown, warnings = _shortened(found, chosen.limit)
    return success_listing(Listing(map(json.written, shown)), warnings=warnings)


@routes.get("/metadata")
async def metadata(looking: Looking, form: Asked) -> Response:
    """Type, help and unit of each metric, or of one ``metric``."""
    limit = metadata_limit(form["limit"], "limit")
    per_metric = metadata_limit(form["limit_per_metric"], "limit_per_metric")
    found = await looking.answer(
        lambda: catalog.metadata(
            looking.inquiry,
            looking.tenant,
            metric=form["metric"],
            limit=limit if limit >= 0 else None,
            limit_per_metric=per_metric if per_metric > 0 else None,
        )
    )
    return success(
        {
            metric: [{"type": each.type, "unit": each.unit, "help": each.help} for each in said]
            for metric, said in found.items()
        }
    )


@get_and_post(routes, "/query_exemplars")
async def query_exemplars(looking: Looking, form: Asked) -> Response:
    """The exemplars of all series that a query selects."""
    start, end = _start(form), _end(form)
    if end < start:
        raise UserError("end timestamp must not be before start timestamp", code="bad_data")
    nodes = (node for node, _ in walk(parse(form["query"])))
    selectors = [node.matchers for node in nodes if isinstance(node, VectorSelector)]
    if not selectors:
        return nothing()
    found = await looking.answer(
        lambda: catalog.exemplars(looking.inquiry, looking.tenant, selectors, start=start, end=end)
    )
    return success_listing(Listing(_exemplars(metric, exemplars) for metric, exemplars in found))


@routes.get("/status/tsdb")
async def tsdb(looking: Looking, form: Asked) -> Response:
    """How many series there are, and which metrics and labels have most of them: on the newest day that has any.

    ``minTime`` and ``maxTime`` are those of all days. This store has no chunks.
    """
    limit = _cardinality_limit(form["limit"])

    async def look() -> tuple[Days | None, Cardinality]:
        days = await extent(looking.inquiry, looking.tenant)
        if days is None:
            return None, Cardinality()
        newest = Days(days.last, days.last)
        return days, await cardinality(looking.inquiry, looking.tenant, newest, limit=limit)

    return success(_tsdb(*await looking.answer(look)))


def _chosen(form: Form) -> Chosen:
    limit, start, end = _limit(form), _start(form), _end(form)
    return Chosen(parse_selectors(form.all("match[]")), start, end, limit)


def _limit(form: Form) -> int:
    with parameter("limit"):
        return parse_limit(form["limit"])


def _start(form: Form) -> int:
    return optional_time(form, "start", MIN_TIME)


def _end(form: Form) -> int:
    return optional_time(form, "end", MAX_TIME)


def _shortened(found: list[_T], limit: int) -> tuple[list[_T], tuple[str, ...]]:
    """The answers up to the limit, and what to say if there were more."""
    return (found[:limit], (TRUNCATED,)) if limit and len(found) > limit else (found, ())


def _exemplars(metric: Labels, exemplars: Sequence[Exemplar]) -> str:
    listed = ",".join(
        f'{{"labels":{json.labels(exemplar.labels)},"value":"{json_float(exemplar.value)}",'
        f'"timestamp":{json.seconds(exemplar.time)}}}'
        for exemplar in exemplars
    )
    return f'{{"seriesLabels":{json.labels(metric)},"exemplars":[{listed}]}}'


def _cardinality_limit(text: str) -> int:
    try:
        limit = parse_whole(text) if text else 10
    except UserError:
        limit = 0
    if limit < 1:
        raise UserError("limit must be a positive number", code="bad_data")
    if limit > MAX_CARDINALITY:
        raise UserError(f"limit must not exceed {MAX_CARDINALITY}", code="bad_data")
    return limit


def _tsdb(days: Days | None, found: Cardinality) -> dict[str, Any]:
    pairs = [(f"{name}={value}", count) for name, value, count in found.series_by_label_pair]
    return {
        "headStats": {
            "numSeries": found.series,
            "numLabelPairs": found.label_pairs,
            "chunkCount": 0,
            "minTime": days.first * DAY if days else 0,
            "maxTime": (days.last + 1) * DAY - 1 if days else 0,
        },
        "seriesCountByMetricName": _counts(found.series_by_metric),
        "labelValueCountByLabelName": _counts(found.values_by_label),
        "memoryInBytesByLabelName": _counts(found.bytes_by_label),
        "seriesCountByLabelValuePair": _counts(pairs),
    }


def _counts(counted: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"name": name, "value": count} for name, count in counted]
