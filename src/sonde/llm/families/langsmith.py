"""LangSmith's SDK in its OpenTelemetry mode: ``gen_ai.*`` beside ``langsmith.*``, which is right where they differ.

A retriever says ``gen_ai.operation.name`` embeddings, a failed call ``gen_ai.system`` langchain, and the token details
come as the ``repr`` of a Python dict; ``langsmith.metadata.usage_metadata`` has them as JSON.
"""

from __future__ import annotations

from collections.abc import Callable

from sonde.llm.attribute import mapping
from sonde.llm.families.family import CHAT, EMBEDDINGS, NOT_A_CALL, Family, kind_by
from sonde.llm.usage import Tokens, usage_object

_KINDS = {
    "llm": CHAT,
    "embedding": EMBEDDINGS,
    **dict.fromkeys(("retriever", "chain", "tool", "prompt", "parser"), NOT_A_CALL),
}


def _details(side: str) -> Callable[[object], Tokens]:
    return lambda details: usage_object({side: mapping(details)})


FAMILY = Family(
    name="langsmith",
    namespaces=frozenset({"langsmith"}),
    kind=kind_by("langsmith.span.kind", _KINDS),
    fields={
        "model_requested": ("langsmith.metadata.ls_model_name",),
        "provider": ("langsmith.metadata.ls_provider",),
        "session_id": (
            "langsmith.metadata.session_id", "langsmith.metadata.thread_id", "langsmith.metadata.conversation_id",
        ),
        "user_id": ("langsmith.metadata.user_id",),
        "tags": ("langsmith.span.tags",),
        "streamed": ("langsmith.request.streaming",),
    },
    usage={
        "langsmith.metadata.usage_metadata": lambda usage: usage_object(mapping(usage)),
        "gen_ai.usage.input_token_details": _details("input_token_details"),
        "gen_ai.usage.output_token_details": _details("output_token_details"),
    },
    first_token_events=("new_token",),
)  # fmt: skip
