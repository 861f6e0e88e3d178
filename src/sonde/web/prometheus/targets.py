"""What is scraped: ``targets``, ``targets/metadata``, ``scrape_pools``. A scraper tells it through ``target.Targets``.

Specification: https://prometheus.io/docs/prometheus/latest/querying/api/#targets
"""

from __future__ import annotations

from typing import Any

from fastapi import Response

from sonde.errors import UserError
from sonde.query.promql.parser import parse_selector
from sonde.telemetry.labels import value_of
from sonde.telemetry.scrape_target import Target, TargetMetadata
from sonde.web.asking import Reader
from sonde.web.prometheus.answer import router, success
from sonde.web.prometheus.configured import Given
from sonde.web.prometheus.form import Asked, parameter
from sonde.web.prometheus.times import go_time, parse_whole

routes = router()


@routes.get("/scrape_pools")
async def scrape_pools(caller: Reader, given: Given) -> Response:
    """The names of all scrape pools."""
    return success({"scrapePools": sorted(given.targets.pools(caller.tenant)) if given.targets else []})


@routes.get("/targets")
async def targets(caller: Reader, given: Given, form: Asked) -> Response:
    """What is scraped, and what relabelling dropped; ``state`` is active, dropped or any."""
    state, pool = form["state"].lower() or "any", form["scrapePool"]
    data: dict[str, Any] = {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": None}
    if given.targets is None:
        return success({**data, "droppedTargetCounts": {} if state in {"any", "dropped"} else None})
    if state in {"any", "active"}:
        found = sorted(given.targets.active(caller.tenant), key=lambda target: target.pool)
        data["activeTargets"] = [_active(target) for target in found if pool in {"", target.pool}]
    if state in {"any", "dropped"}:
        dropped = sorted(given.targets.dropped(caller.tenant), key=lambda target: target.pool)
        data["droppedTargets"] = [
            {"discoveredLabels": dict(target.discovered), "scrapePool": target.pool}
            for target in dropped
            if pool in {"", target.pool}
        ]
        data["droppedTargetCounts"] = dict(sorted(given.targets.dropped_counts(caller.tenant).items()))
    return success(data)


@routes.get("/targets/metadata")
async def target_metadata(caller: Reader, given: Given, form: Asked) -> Response:
    """What targets say of their metrics."""
    limit = metadata_limit(form["limit"], "limit")
    with parameter("match_target"):
        matchers = parse_selector(form["match_target"]) if form["match_target"] else ()
    metric = form["metric"]
    found = [
        metadata
        for metadata in (given.targets.metadata(caller.tenant) if given.targets else ())
        if metric in {"", metadata.metric}
        and all(matcher.matches(value_of(metadata.target, matcher.name)) for matcher in matchers)
    ]
    shown = found if limit < 0 else found[:limit]
    return success([_metadata(metadata, with_name=not metric) for metadata in shown])


def metadata_limit(text: str, name: str) -> int:
    """A limit of the metadata endpoints; negative is none."""
    try:
        return parse_whole(text) if text else -1
    except UserError:
        raise UserError(f"{name} must be a number", code="bad_data") from None


def _active(target: Target) -> dict[str, Any]:
    return {
        "discoveredLabels": dict(target.discovered),
        "labels": dict(target.labels),
        "scrapePool": target.pool,
        "scrapeUrl": target.url,
        "globalUrl": target.global_url or target.url,
        "lastError": target.last_error,
        "lastScrape": go_time(target.last_scrape_unix_nano),
        "lastScrapeDuration": target.last_scrape_seconds,
        "health": target.health,
        "scrapeInterval": target.interval,
        "scrapeTimeout": target.timeout,
    }


def _metadata(metadata: TargetMetadata, *, with_name: bool) -> dict[str, Any]:
    return {
        "target": dict(metadata.target),
        **({"metric": metadata.metric} if with_name else {}),
        "type": metadata.type,
        "help": metadata.help,
        "unit": metadata.unit,
    }
