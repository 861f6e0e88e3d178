"""The conversation of a span, from whichever family wrote it; and the two lines of it that a list shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sonde.llm.families import FAMILIES
from sonde.llm.families.family import Reader
from sonde.llm.message import Message
from sonde.llm.span import LlmSpan

PREVIEW_LIMIT = 200
_READ_LIMIT = 4 * PREVIEW_LIMIT
"""Characters looked at to find those of a preview, which are fewer once white space is collapsed."""


@dataclass(frozen=True, slots=True)
class Messages:
    """What went into the model and what came out."""

    input: tuple[Message, ...]
    output: tuple[Message, ...]

    def as_json(self) -> dict[str, list[dict[str, object]]]:
        """Both sides for the API."""
        return {
            "input": [message.as_json() for message in self.input],
            "output": [message.as_json() for message in self.output],
        }


def messages(span: LlmSpan) -> Messages:
    """The whole conversation. Each side comes from the first family that has it.

    Where the content went into log records (``gen_ai.client.inference.operation.details`` and the like), give them to
    the span as events first.
    """
    namespaces = {key.partition(".")[0] for key in span.attributes}
    families = [family for family in FAMILIES if not family.namespaces.isdisjoint(namespaces)]
    return Messages(
        _first((family.input for family in families), span),
        _first((family.output for family in families), span),
    )


def _first(readers: Iterable[Reader | None], span: LlmSpan) -> tuple[Message, ...]:
    for read in readers:
        if read is not None and (said := read(span)):
            return said
    return ()


def prompt_preview(conversation: Messages) -> str:
    """The last text of the user, else the last text at all, in at most 200 characters.

    >>> from sonde.llm.message import parse_messages
    >>> prompt_preview(Messages(parse_messages([{"role": "user", "content": "What  is   this?"}], "user"), ()))
    'What is this?'
    """
    asked = [message for message in conversation.input if message.role == "user"]
    return _preview(reversed(asked)) or _preview(reversed(conversation.input))


def completion_preview(conversation: Messages) -> str:
    """The first text of the answer, else the first tool call, in at most 200 characters."""
    return _preview(conversation.output) or next(_calls(conversation.output), "")


def _preview(said: Iterable[Message]) -> str:
    collapsed = (" ".join(message.text()[:_READ_LIMIT].split()) for message in said)
    return next(filter(None, collapsed), "")[:PREVIEW_LIMIT]


def _calls(said: Iterable[Message]) -> Iterator[str]:
    for message in said:
        for part in message.parts:
            if part.type == "tool_call":
                arguments = "" if part.arguments is None else json.dumps(part.arguments, ensure_ascii=False)
                yield f"{part.name}({arguments})"[:PREVIEW_LIMIT]
