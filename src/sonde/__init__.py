"""Sonde, inside your service.

    import sonde

    sonde.configure(service="shop")  # traces, metrics and logs go to Sonde
    sonde.instrument()               # and so does what your libraries do

The names below are the public API; everything else may change. They are loaded when first used, so the import is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sonde.sdk.configure import Handle as Handle
    from sonde.sdk.configure import configure as configure
    from sonde.sdk.context import bind as bind
    from sonde.sdk.context import context as context
    from sonde.sdk.context import current_trace_id as current_trace_id
    from sonde.sdk.context import unbind as unbind
    from sonde.sdk.feedback import feedback as feedback
    from sonde.sdk.generation import llm_call as llm_call
    from sonde.sdk.instrument import instrument as instrument
    from sonde.sdk.logs.logger import get_logger as get_logger
    from sonde.sdk.observe import observe as observe
    from sonde.sdk.rag import rag_trace as rag_trace
    from sonde.sdk.redact import Pattern as Pattern

    __version__: str

_HOMES = {
    "Handle": "configure",
    "Pattern": "redact",
    "bind": "context",
    "configure": "configure",
    "context": "context",
    "current_trace_id": "context",
    "feedback": "feedback",
    "get_logger": "logs.logger",
    "instrument": "instrument",
    "llm_call": "generation",
    "observe": "observe",
    "rag_trace": "rag",
    "unbind": "context",
}

__all__ = [
    "Handle",
    "Pattern",
    "__version__",
    "bind",
    "configure",
    "context",
    "current_trace_id",
    "feedback",
    "get_logger",
    "instrument",
    "llm_call",
    "observe",
    "rag_trace",
    "unbind",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value = import_module("importlib.metadata").version("sonde")
    elif name in _HOMES:
        value = getattr(import_module(f"sonde.sdk.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'sonde' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
