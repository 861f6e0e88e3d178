"""The shop's API: products, orders, goals, questions, recommendations and feedback, and what its failures look like."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import openai
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from opentelemetry import trace
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError

from sonde.demo.backend_api import signals, supplier
from sonde.demo.backend_api.access import KnownCaller, authenticate
from sonde.demo.backend_api.assistant import Assistant
from sonde.demo.backend_api.database import Database
from sonde.demo.catalog import Product
from sonde.sdk.feedback import feedback
from sonde.sdk.logs.logger import get_logger

_SHOWN_RECOMMENDATIONS = 4
_KEY_NEEDED = [Depends(authenticate)]
_tracer = trace.get_tracer("backend-api")
_log = get_logger("backend-api")


class ProductBody(BaseModel):
    """A product, but for its id, which stands in the path."""

    name: str
    category: str
    price: float = Field(gt=0)
    description: str


class OrderBody(BaseModel):
    """An order of one product."""

    product_id: str
    quantity: int = Field(gt=0, le=20)


class GoalBody(BaseModel):
    """What a user wishes, in their own words."""

    goal_type: str
    wish: str = Field(min_length=3, max_length=500)


class QuestionBody(BaseModel):
    """A question to the assistant, optionally about one topic only."""

    question: str = Field(min_length=3, max_length=500)
    topic: str | None = None


class FeedbackBody(BaseModel):
    """A thumb: 1 is up, 0 is down."""

    trace_id: str = Field(pattern="^[0-9a-f]{32}$")
    rating: int = Field(ge=0, le=1)
    comment: str = ""


def create_app(
    *, database: Path, provider: str, ml_engine: str, seed: int, now: Callable[[], float] = time.time
) -> FastAPI:
    """The service as an ASGI application. It embeds its passages when it starts, so the provider has to be there."""
    business = signals.Business()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database = await asyncio.to_thread(Database, database)
        app.state.assistant = Assistant(provider, business)
        app.state.ml_engine = httpx.AsyncClient(base_url=ml_engine, timeout=5)
        business.products = len(await asyncio.to_thread(app.state.database.products))
        await app.state.assistant.learn()
        yield
        await app.state.ml_engine.aclose()
        await app.state.assistant.close()
        app.state.database.close()

    app = FastAPI(title="backend-api", lifespan=lifespan)
    _shelf_routes(app, business)
    _customer_routes(app, business)
    _assistant_routes(app)
    _supplier_routes(app, seed, now)
    _failure_answers(app)
    app.add_middleware(signals.ApiMetrics, business=business)
    return app


def _shelf_routes(app: FastAPI, business: signals.Business) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/products", dependencies=_KEY_NEEDED)
    def list_products(request: Request, category: str | None = None) -> list[dict[str, Any]]:
        return [asdict(product) for product in _database(request).products(category)]

    @app.get("/products/{product_id}", dependencies=_KEY_NEEDED)
    def show_product(request: Request, product_id: str) -> dict[str, Any]:
        return asdict(_product(request, product_id))

    @app.put("/products/{product_id}", dependencies=_KEY_NEEDED)
    def put_product(request: Request, product_id: str, body: ProductBody) -> dict[str, bool]:
        is_new = _database(request).put_product(Product(product_id, **body.model_dump()))
        business.products += is_new
        _log.info("Product listed" if is_new else "Product updated", product_id=product_id, price=body.price)
        return {"new": is_new}

    @app.delete("/products/{product_id}", status_code=204, dependencies=_KEY_NEEDED)
    def remove_product(request: Request, product_id: str) -> None:
        if not _database(request).remove_product(product_id):
            raise HTTPException(404, f"there is no product {product_id}")
        business.products -= 1
        _log.info("Product delisted", product_id=product_id)


def _customer_routes(app: FastAPI, business: signals.Business) -> None:
    @app.post("/orders", status_code=201)
    def place_order(request: Request, caller: KnownCaller, body: OrderBody) -> dict[str, Any]:
        product = _product(request, body.product_id)
        order_id = _database(request).insert_order(caller.tenant_id, caller.user_id, product, body.quantity)
        signals.orders_placed.add(1, {"tenant_id": caller.tenant_id, "category": product.category})
        total = round(product.price * body.quantity, 2)
        _log.info("Order placed", order_id=order_id, product_id=product.id, quantity=body.quantity, total=total)
        return {"id": order_id, "total": total}

    @app.get("/orders")
    def list_orders(request: Request, caller: KnownCaller) -> list[dict[str, Any]]:
        return list(_database(request).orders(caller.tenant_id, caller.user_id))

    @app.post("/goals", status_code=201)
    async def create_goal(request: Request, caller: KnownCaller, body: GoalBody) -> dict[str, Any]:
        attributes = {"tenant_id": caller.tenant_id, "goal_type": body.goal_type}
        with _tracer.start_as_current_span("create_goal", attributes=attributes):
            assistant: Assistant = request.app.state.assistant
            goal = await assistant.smart_goal(body.wish, goal_type=body.goal_type, tenant_id=caller.tenant_id)
            with _tracer.start_as_current_span("postgres.insert_goal"):
                goal_id = await asyncio.to_thread(
                    _database(request).insert_goal, caller.tenant_id, caller.user_id, body.goal_type, goal.text
                )
        business.goal_created(caller.tenant_id)
        signals.goals_created.add(1, attributes)
        _log.info("Goal created", goal_id=goal_id, goal_type=body.goal_type, target=goal.target)
        return {"id": goal_id, "text": goal.text, "target": goal.target, "review_days": goal.review_days}

    @app.post("/goals/{goal_id}/complete")
    def complete_goal(request: Request, caller: KnownCaller, goal_id: int) -> dict[str, int]:
        if not _database(request).complete_goal(caller.tenant_id, goal_id):
            raise HTTPException(404, f"there is no open goal {goal_id}")
        business.goal_completed(caller.tenant_id)
        _log.info("Goal completed", goal_id=goal_id)
        return {"id": goal_id}


def _assistant_routes(app: FastAPI) -> None:
    @app.post("/ask")
    async def ask(request: Request, caller: KnownCaller, body: QuestionBody) -> dict[str, Any]:
        assistant: Assistant = request.app.state.assistant
        answer = await assistant.answer(
            body.question, topic=body.topic, tenant_id=caller.tenant_id, user_id=caller.user_id
        )
        return asdict(answer) | {"trace_id": _trace_id()}

    @app.get("/recommendations")
    async def recommend(request: Request, caller: KnownCaller) -> dict[str, Any]:
        ml_engine: httpx.AsyncClient = request.app.state.ml_engine
        query: dict[str, str | int] = {"user_id": caller.user_id, "count": _SHOWN_RECOMMENDATIONS}
        response = await ml_engine.get("/recommend", params=query)
        response.raise_for_status()
        signals.recommendations.add(_SHOWN_RECOMMENDATIONS, {"tenant_id": caller.tenant_id})
        return {"items": response.json()["items"], "trace_id": _trace_id()}

    @app.post("/feedback", status_code=204)
    async def rate(caller: KnownCaller, body: FeedbackBody) -> None:
        feedback(body.trace_id, body.rating, user_id=caller.user_id, comment=body.comment)
        signals.feedback_given.add(1, {"rating": "up" if body.rating else "down", "tenant_id": caller.tenant_id})


def _supplier_routes(app: FastAPI, seed: int, now: Callable[[], float]) -> None:
    @app.get("/supplier/catalogue")
    def supplier_catalogue() -> HTMLResponse:
        epoch = int(now()) // supplier.EPOCH_SECONDS
        if supplier.in_outage(seed, epoch):
            raise HTTPException(503, "the supplier's site is being maintained")
        return HTMLResponse(supplier.page(seed, epoch))


def _failure_answers(app: FastAPI) -> None:
    """Each failure of what we depend on becomes a status that says whose it was, and one line in the log."""

    @app.exception_handler(OperationalError)
    def database_failed(_request: Request, error: OperationalError) -> JSONResponse:
        what = f"The database failed: {error.orig}"
        _log.error(what)
        return _failure(503, what)

    @app.exception_handler(openai.RateLimitError)
    def rate_limited(_request: Request, error: openai.RateLimitError) -> JSONResponse:
        _log.error("The model's provider refused: rate limit", error=error.message)
        return _failure(503, "the assistant is overloaded; try again soon")

    @app.exception_handler(openai.APIError)
    def provider_failed(_request: Request, error: openai.APIError) -> JSONResponse:
        _log.error("The model's provider failed", error=error.message)
        return _failure(502, "the assistant cannot answer just now")

    @app.exception_handler(httpx.HTTPError)
    def ml_engine_failed(_request: Request, error: httpx.HTTPError) -> JSONResponse:
        _log.error("ml-engine failed", error=repr(error))
        return _failure(502, "there are no recommendations just now")


def _failure(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status_code=status)


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _product(request: Request, product_id: str) -> Product:
    product = _database(request).product(product_id)
    if product is None:
        raise HTTPException(404, f"there is no product {product_id}")
    return product


def _trace_id() -> str:
    """The id of the request's trace, for the browser to rate it by."""
    return f"{trace.get_current_span().get_span_context().trace_id:032x}"
