"""The vector index of the assistant: passages in, the nearest of them out, searched exactly in numpy, as one span."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from opentelemetry import trace

from sonde.demo.corpus import Passage
from sonde.demo.embedding import Vectors

_tracer = trace.get_tracer("backend-api")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that was found, and its cosine similarity to the question."""

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class VectorIndex:
    """Passages and their unit vectors, row by row."""

    passages: Sequence[Passage]
    vectors: Vectors

    def search(self, query: str, vector: Sequence[float], *, top_k: int, topic: str | None = None) -> list[Candidate]:
        """The ``top_k`` passages nearest to ``vector``, best first; only those about ``topic``, if one is given."""
        attributes: dict[str, str | int] = {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": "shop-passages",
            "gen_ai.retrieval.query.text": query,
            "gen_ai.retrieval.top_k": top_k,
        }
        with _tracer.start_as_current_span("retrieval shop-passages", attributes=attributes) as span:
            scores = self.vectors @ np.asarray(vector, dtype=np.float32)
            rows = [row for row, passage in enumerate(self.passages) if topic is None or passage.topic == topic]
            best = sorted(rows, key=lambda row: -scores[row])[:top_k]
            found = [Candidate(self.passages[row], round(float(scores[row]), 4)) for row in best]
            documents = [{"id": candidate.passage.id, "score": candidate.score} for candidate in found]
            span.set_attribute("gen_ai.retrieval.documents", json.dumps(documents))
        return found
