"""Prometheus' own test scripts once more, with what they load in the real store: the engine's leaves below the evaluator.

Every leaf that the engine can compute is left to it, however small, so that what is pushed down is judged as well. And
once more from memory: each query twice, the first time for the metrics to be kept.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest
from tests.query.promql import test_conformance as conformance
from tests.query.promql.metric_rows import insert_histograms, insert_series
from tests.query.promql.script import Eval, storage_of

from sonde.errors import UserError
from sonde.query.promql.clickhouse.resident import ResidentSamples
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.memory_storage import MemoryStorage
from sonde.query.promql.parser import parse
from sonde.query.promql.query import Query, Result
from sonde.store.pool import AsyncStore

PATHS = sorted({case.path for case in conformance.CASES})


@pytest.mark.parametrize("from_memory", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["tables", "memory"])
@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
async def test_prometheus_scripts_pass_on_the_real_store(
    client: Any, store: AsyncStore, path: Any, monkeypatch: pytest.MonkeyPatch, *, from_memory: bool
) -> None:
    tenants: dict[int, str] = {}
    now = [0]
    resident = ResidentSamples(lambda: now[0]) if from_memory else None

    async def answer(case: Eval, start: int, end: int, step: int) -> Result:
        loaded = storage_of(case)
        if id(loaded) not in tenants:
            tenants[id(loaded)] = f"{path.stem}-{from_memory}-{len(tenants)}"
            load(client, loaded, tenants[id(loaded)])
        query = Query(parse(case.query), start, end, step, text=case.query)
        if resident is not None:
            now[0] = start
            with contextlib.suppress(UserError):
                await evaluate(ClickHouseStorage(store, tenants[id(loaded)], resident=resident), query)
        storage = ClickHouseStorage(store, tenants[id(loaded)], push_down="always", resident=resident)
        return await evaluate(storage, query)

    monkeypatch.setattr(conformance, "answer", answer)
    monkeypatch.setattr(
        conformance, "QUERY_TIMES", re.compile("")
    )  # every query once, not in the middle of a range too
    failed = []
    for case in conformance.CASES:
        if case.path == path and case.name not in conformance.GAPS:
            try:
                await conformance.test_prometheus_script(case)
            except (AssertionError, pytest.fail.Exception) as failure:
                failed.append(f"{case.name} {case.query}: {failure}")
    assert resident is None or resident.size_bytes > 0 or path.stem == "literals"  # which has no series at all
    assert not failed, "\n".join(failed)


def load(client: Any, memory: MemoryStorage, tenant: str) -> None:
    floats, histograms = [], []
    for labels, line in memory.lines.items():
        columns = line.columns
        assert columns.starts is not None
        assert columns.histograms is not None
        points = list(
            zip(
                columns.times.tolist(),
                columns.values.tolist(),
                columns.starts.tolist(),
                columns.histograms,
                strict=True,
            )
        )
        numbers = [(time, value, start) for time, value, start, histogram in points if histogram is None]
        if numbers:
            floats.append((dict(labels), numbers))
        histograms += [
            (dict(labels), time, start, histogram)
            for time, _, start, histogram in points
            if isinstance(histogram, Histogram)
        ]
    if floats:
        insert_series(client, floats, tenant=tenant)
    if histograms:
        insert_histograms(client, histograms, tenant=tenant)
