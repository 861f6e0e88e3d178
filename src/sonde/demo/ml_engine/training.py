"""The training job: load, validate, factorise, evaluate; one trace, a handful of metrics and log lines a run."""

from __future__ import annotations

import time
from dataclasses import dataclass

from opentelemetry import metrics, trace

from sonde.demo.buckets import SECONDS
from sonde.demo.catalog import PRODUCTS, USER_IDS
from sonde.demo.ml_engine.recommender import (
    Interactions,
    Quality,
    Recommender,
    evaluate,
    factorise,
    invalid_rows,
    synthesise,
)
from sonde.sdk.logs.logger import get_logger

_meter = metrics.get_meter("ml-engine")
_jobs = _meter.create_counter("training_jobs_total", description="Training runs, by how they ended")
_duration = _meter.create_histogram(
    "training_duration_seconds",
    unit="s",
    description="How long a training run took",
    explicit_bucket_boundaries_advisory=SECONDS,
)
_invalid = _meter.create_counter("data_validation_errors_total", description="Rows that cannot be learnt from")
_ndcg = _meter.create_gauge("model_ndcg", description="NDCG at 5 of the model that serves")
_recall = _meter.create_gauge("model_recall", description="Recall at 5 of the model that serves")
_mrr = _meter.create_gauge("model_mrr", description="Mean reciprocal rank of the model that serves")
_tracer = trace.get_tracer("ml-engine")
_log = get_logger("ml-engine.training")


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What one training run leaves behind: what serves until the next one."""

    version: str
    recommender: Recommender
    interactions: Interactions
    quality: Quality


def train(seed: int, version: str) -> Model:
    """Run the job once. Raises ``ValueError`` if the data cannot be learnt from."""
    started = time.perf_counter()
    with _tracer.start_as_current_span("train recommender", attributes={"model.version": version}) as span:
        try:
            with _tracer.start_as_current_span("load interactions"):
                interactions = synthesise(seed)
            with _tracer.start_as_current_span("validate data"):
                _validate(interactions)
            with _tracer.start_as_current_span("factorise", attributes={"training.users": len(USER_IDS)}):
                recommender = factorise(interactions.bought, seed)
            with _tracer.start_as_current_span("evaluate"):
                quality = evaluate(recommender, interactions)
        except Exception:
            _jobs.add(1, {"status": "failed"})
            _log.exception("Training failed", model_version=version)
            raise
        span.set_attribute("model.ndcg", quality.ndcg)
        seconds = time.perf_counter() - started
        _jobs.add(1, {"status": "succeeded"})
        _duration.record(seconds)
        for gauge, value in ((_ndcg, quality.ndcg), (_recall, quality.recall), (_mrr, quality.mrr)):
            gauge.set(value)
        _log.info(
            "Model trained",
            model_version=version,
            users=len(USER_IDS),
            products=len(PRODUCTS),
            ndcg=round(quality.ndcg, 4),
            recall=round(quality.recall, 4),
            mrr=round(quality.mrr, 4),
            duration_seconds=round(seconds, 4),
        )
    return Model(version, recommender, interactions, quality)


def _validate(interactions: Interactions) -> None:
    invalid = invalid_rows(interactions.bought)
    _invalid.add(invalid)
    if invalid > len(USER_IDS) // 10:
        raise ValueError(f"{invalid} of {len(USER_IDS)} users have no valid purchases")
