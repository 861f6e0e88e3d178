"""PromQL for the digest, over a storage: ``Instant`` and ``Range`` of ``rules.slo.status``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sonde.errors import InternalError
from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.parser import parse
from sonde.query.promql.query import Limits, Query
from sonde.query.promql.series import Vector
from sonde.query.promql.storage import Storage
from sonde.telemetry.labels import Labels

_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class PromQLAnswers:
    """Answers, each with a storage of its own."""

    storage: Callable[[], Storage]
    limits: Limits = _LIMITS

    async def instant(self, query: str, at_milli: int) -> Sequence[tuple[Labels, float]]:
        """See ``Instant``."""
        vector = await self._vector(query, at_milli, at_milli, 0)
        found = zip(vector.labels, vector.values, vector.present, strict=True)
        return [(labels, float(values[0])) for labels, values, present in found if present[0]]

    async def range(
        self, query: str, start_milli: int, end_milli: int, step_milli: int
    ) -> Sequence[tuple[Labels, Sequence[float | None]]]:
        """See ``Range``."""
        vector = await self._vector(query, start_milli, end_milli, step_milli)
        found = zip(vector.labels, vector.values.tolist(), vector.present.tolist(), strict=True)
        return [
            (labels, [value if is_there else None for value, is_there in zip(values, present, strict=True)])
            for labels, values, present in found
        ]

    async def _vector(self, query: str, start: int, end: int, step: int) -> Vector:
        asked = Query(parse(query), start, end, step, limits=self.limits, text=query)
        result = await evaluate(self.storage(), asked)
        if not isinstance(result.value, Vector):
            raise InternalError(f"{query} gives no vector")
        return result.value
