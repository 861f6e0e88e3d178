"""A FastAPI service that answers questions: one trace from the request through retrieval and model to the user's
rating.

    pip install 'sonde[instrument]' fastapi uvicorn
    uvicorn --app-dir examples sdk_service:app
    curl 'localhost:8000/answer?question=Which+shoes+are+light'
    curl -X POST 'localhost:8000/rate?trace_id=<from the answer>&rating=1'

``ask_model`` stands for whatever calls your model. The clients of OpenAI, Anthropic and others need no ``llm_call``:
with ``sonde.instrument()`` they are recorded as they are.
"""

from __future__ import annotations

from fastapi import FastAPI

import sonde

sonde.configure(service="backend-api")
app = sonde.instrument(FastAPI())
log = sonde.get_logger("backend-api")

CATALOGUE = {"Feather": "light running shoe", "Anvil": "safety boot", "Breeze": "light summer shoe"}


def search(words: set[str]) -> list[str]:
    """The names of products whose description has one of the words."""
    return [name for name, text in CATALOGUE.items() if words & set(text.split())]


def ask_model(question: str, products: list[str]) -> str:
    """What a language model would make of it."""
    return f"For {question!r} I recommend {products[0] if products else 'nothing we have'}."


@app.get("/answer")
def answer(question: str, user: str = "anonymous") -> dict[str, str | None]:
    """Find products, let the model choose, and say which trace it was."""
    sonde.bind(user_id=user)
    with sonde.rag_trace(query=question, config_version="words-1") as rag:
        found = search(set(question.lower().split()))
        rag.candidates(found)
        with sonde.llm_call(model="gpt-4o-mini", provider="openai", function="answer", prompt=question) as call:
            text = ask_model(question, found)
            call.response(text, input_tokens=len(question) // 4, output_tokens=len(text) // 4)
        rag.recommendation(text)
    log.info("answered", products=len(found))
    return {"answer": text, "trace_id": sonde.current_trace_id()}


@app.post("/rate")
def rate(trace_id: str, rating: int, comment: str | None = None) -> dict[str, str]:
    """Keep what the user thought of an answer."""
    return {"score_id": sonde.feedback(trace_id, rating, comment=comment)}
