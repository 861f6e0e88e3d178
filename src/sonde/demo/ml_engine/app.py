"""The service: recommendations over HTTP from the newest model, with a cache of embeddings; retrains as it goes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from opentelemetry import metrics, trace
from pydantic import BaseModel

from sonde.demo.buckets import SECONDS
from sonde.demo.catalog import PRODUCTS, USER_IDS
from sonde.demo.ml_engine.recommender import Matrix
from sonde.demo.ml_engine.training import Model, train
from sonde.sdk.logs.logger import get_logger

_RETRAIN_SECONDS = 120.0
_CACHED_USERS = 64
_USER_ROWS = {user_id: row for row, user_id in enumerate(USER_IDS)}

_meter = metrics.get_meter("ml-engine")
_in_progress = _meter.create_up_down_counter("ml_requests_in_progress", description="Requests being answered just now")
_served = _meter.create_counter("recommendations_total", description="Recommended products")
_cache_hits = _meter.create_counter("embedding_cache_hits_total", description="User embeddings found in the cache")
_cache_misses = _meter.create_counter("embedding_cache_misses_total", description="User embeddings computed anew")
_cache_refreshed = _meter.create_gauge(
    "embedding_cache_refreshed_timestamp_seconds", description="Unix time from which on embeddings are of this model"
)
_search = _meter.create_histogram(
    "ann_search_duration_seconds",
    unit="s",
    description="Nearest product search",
    explicit_bucket_boundaries_advisory=SECONDS,
)
_tracer = trace.get_tracer("ml-engine")
_log = get_logger("ml-engine")


class Recommendation(BaseModel):
    """A product and how well it fits; larger is better."""

    product_id: str
    name: str
    score: float


class Recommendations(BaseModel):
    """What one user may like, best first."""

    user_id: str
    model_version: str
    items: list[Recommendation]


class Engine:
    """The newest model, and the embeddings of the users that asked last."""

    def __init__(self, model: Model) -> None:
        self._embeddings: OrderedDict[str, Matrix] = OrderedDict()
        self.model = model
        _cache_refreshed.set(time.time())

    def publish(self, model: Model) -> None:
        """From now on answer with ``model``; embeddings of the former one are worth nothing."""
        self.model = model
        self._embeddings.clear()
        _cache_refreshed.set(time.time())

    def recommend(self, user_id: str, count: int) -> Recommendations:
        """The ``count`` best products for a known user. Raises ``KeyError`` for an unknown one."""
        model = self.model
        purchases = model.interactions.bought[_USER_ROWS[user_id]]
        vector = self._embedding(user_id, purchases)
        with _tracer.start_as_current_span("ann.search", attributes={"search.count": count}) as span:
            started = time.perf_counter()
            nearest = model.recommender.nearest(vector, count, purchases)
            _search.record(time.perf_counter() - started)
            span.set_attribute("search.best_score", nearest[0][1])
        items = [
            Recommendation(product_id=PRODUCTS[row].id, name=PRODUCTS[row].name, score=round(score, 4))
            for row, score in nearest
        ]
        return Recommendations(user_id=user_id, model_version=model.version, items=items)

    def _embedding(self, user_id: str, purchases: Matrix) -> Matrix:
        cached = self._embeddings.get(user_id)
        if cached is not None:
            self._embeddings.move_to_end(user_id)
            _cache_hits.add(1)
            return cached
        _cache_misses.add(1)
        with _tracer.start_as_current_span("embed user"):
            vector = self.model.recommender.embed(purchases)
        self._embeddings[user_id] = vector
        if len(self._embeddings) > _CACHED_USERS:
            self._embeddings.popitem(last=False)
        return vector


def create_app(seed: int) -> FastAPI:
    """The service as an ASGI application, with its first model trained."""
    engine = Engine(train(seed, "v1"))

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        retraining = asyncio.create_task(_retrain(engine, seed))
        yield
        retraining.cancel()

    app = FastAPI(title="ml-engine", lifespan=lifespan)

    @app.get("/recommend")
    async def recommend(user_id: str, count: Annotated[int, Query(ge=1, le=20)] = 5) -> Recommendations:
        _in_progress.add(1)
        try:
            answer = engine.recommend(user_id, count)
        except KeyError:
            _log.warning("Unknown user asked for recommendations", user_id=user_id)
            raise HTTPException(404, f"there is no user {user_id}") from None
        finally:
            _in_progress.add(-1)
        _served.add(len(answer.items), {"model_version": answer.model_version})
        return answer

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "model_version": engine.model.version}

    return app


async def _retrain(engine: Engine, seed: int) -> None:
    version = 1
    while True:
        await asyncio.sleep(_RETRAIN_SECONDS)
        version += 1
        # A month that cannot be learnt from keeps the former model; the job has logged why.
        with contextlib.suppress(ValueError):
            engine.publish(await asyncio.to_thread(train, seed + version, f"v{version}"))
