"""The store's inbox and the normaliser agree on what may be an LLM call."""

from __future__ import annotations

from sonde.llm.normalise import CANDIDATE_KEYS
from sonde.store.dialect import LLM_STRINGS


def test_the_inbox_takes_every_span_that_the_normaliser_would_look_at() -> None:
    assert set(LLM_STRINGS) == set(CANDIDATE_KEYS)
