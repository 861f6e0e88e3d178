"""The backend's metrics, by the names that dashboards and alerts know, and the middleware that feeds them."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sonde.demo.buckets import SECONDS
from sonde.demo.catalog import TENANTS
from sonde.sdk.logs.logger import get_logger

_ACTIVE_SECONDS = 300.0
_QUIET_ENDPOINTS = frozenset({"/healthz"})
_UNROUTED = "(no route)"

# Dollars a million tokens: input, cached input, output. A model that is not here has no price, which is not zero.
_PRICES = {
    "gpt-4o-mini": (0.15, 0.075, 0.60),
    "gpt-4.1": (2.00, 0.50, 8.00),
    "text-embedding-3-small": (0.02, 0.02, 0.0),
}

_meter = metrics.get_meter("backend-api")
_request_duration = _meter.create_histogram(
    "api_request_duration_seconds", unit="s", description="Time to answer", explicit_bucket_boundaries_advisory=SECONDS
)
_requests = _meter.create_counter("api_requests_total", description="Requests answered, by status")
_errors = _meter.create_counter("api_errors_total", description="Requests answered with a 5xx status")
_llm_calls = _meter.create_counter("llm_calls_total", description="Calls of a language model, by function and success")
_llm_duration = _meter.create_histogram(
    "llm_call_duration_seconds",
    unit="s",
    description="Duration of LLM calls",
    explicit_bucket_boundaries_advisory=SECONDS,
)
_llm_tokens = _meter.create_counter("llm_tokens_total", description="Tokens that a model read and wrote")
_llm_cost = _meter.create_counter("llm_cost_usd_total", description="Dollars spent on models whose price is known")
query_duration = _meter.create_histogram(
    "postgres_query_duration_seconds",
    unit="s",
    description="Duration of database queries",
    explicit_bucket_boundaries_advisory=SECONDS,
)
goals_created = _meter.create_counter("goals_created_total", description="Goals written down")
orders_placed = _meter.create_counter("orders_placed_total", description="Orders placed")
recommendations = _meter.create_counter("recommendations_total", description="Recommendations shown to users")
feedback_given = _meter.create_counter("feedback_total", description="Thumbs, by rating")
authentications = _meter.create_counter("authentication_attempts_total", description="Checks of API keys, by result")
_log = get_logger("backend-api")


class Business:
    """Figures about tenants that are gauges: kept in memory, read whenever metrics are exported."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_seen: dict[str, float] = {}
        self._goals: Counter[str] = Counter()
        self._goals_completed: Counter[str] = Counter()
        self._spent: tuple[dt.date, float] = (dt.datetime.now(dt.UTC).date(), 0.0)
        self.products = 0
        self.vectors = 0
        for name, description, observe in (
            ("active_tenants", "Tenants seen in the last five minutes", self._observe_active),
            ("mrr_total", "Monthly recurring revenue in euros", self._observe_revenue),
            ("goal_completion_rate", "Share of goals that were reached", self._observe_completion),
            ("llm_daily_cost_usd", "Dollars spent on models since midnight UTC", self._observe_spent),
            ("products_listed", "Products on the shelf", lambda _: [Observation(self.products)]),
            ("vectors_indexed", "Passages in the vector index", lambda _: [Observation(self.vectors)]),
        ):
            _meter.create_observable_gauge(name, callbacks=[observe], description=description)

    def seen(self, tenant_id: str) -> None:
        """``tenant_id`` made a request just now."""
        self._last_seen[tenant_id] = time.monotonic()

    def goal_created(self, tenant_id: str) -> None:
        """A goal more that may be reached one day."""
        with self._lock:
            self._goals[tenant_id] += 1

    def goal_completed(self, tenant_id: str) -> None:
        """One of the goals was reached."""
        with self._lock:
            self._goals_completed[tenant_id] += 1

    def spent(self, dollars: float) -> None:
        """Money that went to a provider."""
        today = dt.datetime.now(dt.UTC).date()
        with self._lock:
            day, so_far = self._spent
            self._spent = (today, so_far + dollars if day == today else dollars)

    def _observe_active(self, _: CallbackOptions) -> Iterable[Observation]:
        since = time.monotonic() - _ACTIVE_SECONDS
        yield Observation(sum(1 for seen in tuple(self._last_seen.values()) if seen > since))

    def _observe_revenue(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(sum(tenant.monthly_fee for tenant in TENANTS))

    def _observe_completion(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            rates = {tenant: self._goals_completed[tenant] / count for tenant, count in self._goals.items()}
        return [Observation(rate, {"tenant_id": tenant}) for tenant, rate in rates.items()]

    def _observe_spent(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(self._spent[1])


def price(model: str, usage: Mapping[str, int]) -> float | None:
    """What a call costs in dollars, or None for a model without a price.

    >>> f"{price('gpt-4o-mini', {'input': 1200, 'cached': 1024, 'output': 50}):.7f}"
    '0.0001332'
    """
    if model not in _PRICES:
        return None
    fresh, cached, output = _PRICES[model]
    millionths = (usage["input"] - usage["cached"]) * fresh + usage["cached"] * cached + usage["output"] * output
    return millionths / 1e6


def count_llm_call(
    business: Business, *, model: str, function: str, tenant_id: str, seconds: float, usage: Mapping[str, int] | None
) -> None:
    """Count a call of ``model``; ``usage`` has ``input``, ``cached`` and ``output`` tokens, or is None if it failed."""
    _llm_calls.add(1, {"model": model, "function": function, "success": usage is not None})
    _llm_duration.record(seconds, {"model": model, "function": function})
    if usage is None:
        return
    for direction in ("input", "output"):
        _llm_tokens.add(usage[direction], {"model": model, "tenant_id": tenant_id, "direction": direction})
    dollars = price(model, usage)
    if dollars is not None:
        _llm_cost.add(dollars, {"model": model, "tenant_id": tenant_id})
        business.spent(dollars)


class ApiMetrics:
    """ASGI middleware: measures each request by its route, and writes one log line about it."""

    def __init__(self, app: ASGIApp, business: Business) -> None:
        self._app = app
        self._business = business

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and look at what comes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            if tenant_id := scope.get("state", {}).get("tenant_id"):
                self._business.seen(tenant_id)
            _measure(scope, status, time.perf_counter() - started)


def _measure(scope: Scope, status: int, seconds: float) -> None:
    endpoint = getattr(scope.get("route"), "path", _UNROUTED)
    if endpoint in _QUIET_ENDPOINTS:
        return
    labels = {"method": scope["method"], "endpoint": endpoint}
    _request_duration.record(seconds, labels)
    _requests.add(1, labels | {"status": str(status)})
    _errors.add(int(status >= 500), labels)  # zero too: a rate needs a series before the first error
    write = _log.error if status >= 500 else _log.warning if status >= 400 else _log.info
    write("Request finished", **labels, status=status, latency_ms=round(seconds * 1000, 2))
