"""LLM calls follow from spans exactly once, whatever fails between the insert and them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.store.conftest import StoreClient
from tests.store.strategies import TRACES, span_body

from sonde.llm.inbox import LlmCalls
from sonde.llm.prices import Prices
from sonde.store.client import ClickHouseError, sonde_error

CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 10}


class Failing:
    """A store whose first statement of one kind fails."""

    def __init__(self, real: StoreClient, method: str, number: int = 241) -> None:
        self._real, self._method, self._number = real, method, number

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            self._method = ""
            raise sonde_error(f"Code: {self._number}. DB::Exception: told to")
        return getattr(self._real, name)


@pytest.mark.parametrize("method", ["query", "insert_rows", "command", "insert of the segment"])
def test_a_call_is_there_once_after_trouble_at_any_step(client: StoreClient, method: str) -> None:
    client.empty("spans", "llm_calls", "llm_inbox")
    derive, store = LlmCalls(Prices()), Failing(client, method)
    body = span_body(attributes=CALL)

    client.insert_bodies(TRACES, [body], token=f"segment {method}")
    if method == "insert of the segment":  # it failed in a later view, so it is offered again
        client.insert_bodies(TRACES, [body], token=f"segment {method}")
    else:
        with pytest.raises(Exception, match="told to"):
            derive(store, f"segment {method}")  # type: ignore[arg-type]
    derive(store, f"segment {method}")  # type: ignore[arg-type]

    assert client.rows("SELECT (SELECT count() FROM spans), (SELECT count() FROM llm_calls), (SELECT count() FROM llm_inbox)") == [[1, 1, 0]]  # fmt: skip


def test_calls_that_are_refused_do_not_hold_up_those_of_the_next_segment(client: StoreClient) -> None:
    client.empty("spans", "llm_calls", "llm_inbox")
    derive = LlmCalls(Prices())
    refusing = Failing(client, "insert_rows", number=27)

    client.insert_bodies(TRACES, [span_body(attributes=CALL)])
    with pytest.raises(ClickHouseError, match="told to"):
        derive(refusing, "first")  # type: ignore[arg-type]
    client.insert_bodies(TRACES, [span_body(attributes=CALL, name="next")])
    derive(refusing, "second")  # type: ignore[arg-type]

    assert client.rows("SELECT name FROM llm_calls") == [["next"]]
