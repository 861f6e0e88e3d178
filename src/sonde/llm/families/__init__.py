"""The attribute families: one file each, which says under which names its instrumentations write what.

Adding a family is adding a file with a ``FAMILY`` and a line here. The order decides who is believed where several
families speak in one span: the more specific before the more general.
"""

from __future__ import annotations

from sonde.llm.families import genai, langfuse, langsmith, logfire, openinference, traceloop, vercel

FAMILIES = (
    langfuse.FAMILY,
    langsmith.FAMILY,
    vercel.FAMILY,
    genai.FAMILY,
    logfire.FAMILY,
    openinference.FAMILY,
    traceloop.FAMILY,
)

KIND_ORDER = (
    langfuse.FAMILY,
    openinference.FAMILY,
    langsmith.FAMILY,
    logfire.FAMILY,
    vercel.FAMILY,
    genai.FAMILY,
    traceloop.FAMILY,
)
"""Who is asked first whether a span is a call: those who mark every span of theirs, agents and tools included."""
