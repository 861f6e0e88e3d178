"""The tables of all families, cut down to what one span can say: compiled once for each mix of namespaces.

A span of one instrumentation has attributes under three or four of the two dozen first words (``gen_ai``, ``llm``,
``langfuse``…) that the families know. Asking it for the rest would take most of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

from sonde.llm.families import FAMILIES, KIND_ORDER
from sonde.llm.families.family import Family, Field, Reader
from sonde.llm.span import Attributes, LlmSpan
from sonde.llm.usage import COMPONENTS, Tokens

_MEMO_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Dialect:
    """Whom to ask for what, in the order in which they are believed."""

    fields: Mapping[Field, tuple[str, ...]]
    tokens: tuple[tuple[str, tuple[str, ...]], ...]
    """Component of ``usage.COMPONENTS`` with the attributes that may hold it."""
    kinds: tuple[Callable[[LlmSpan], str | None], ...]
    usages: tuple[Callable[[Attributes], Tokens], ...]
    inputs: tuple[Reader, ...]
    outputs: tuple[Reader, ...]
    first_token_events: frozenset[str]


def _namespace(key: str) -> str:
    return key.partition(".")[0]


_KEYS = {key for family in FAMILIES for keys in (*family.fields.values(), *family.tokens.values()) for key in keys}
_NAMESPACES = frozenset(map(_namespace, _KEYS)).union(*(family.namespaces for family in FAMILIES))
_FIELDS: tuple[Field, ...] = get_args(Field)
_memo: dict[frozenset[str], Dialect] = {}


def dialect_of(attributes: Attributes) -> Dialect:
    """The dialect for the namespaces that these attributes have."""
    present = _NAMESPACES.intersection([key.partition(".")[0] for key in attributes])
    dialect = _memo.get(present)
    if dialect is None:
        if len(_memo) >= _MEMO_LIMIT:
            _memo.clear()
        dialect = _memo[present] = _compile(present)
    return dialect


def _compile(present: frozenset[str]) -> Dialect:
    def speaks(family: Family) -> bool:
        return not present.isdisjoint(family.namespaces)

    def known(lists: list[tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for keys in lists for key in keys if _namespace(key) in present))

    fields = {name: known([family.fields.get(name, ()) for family in FAMILIES]) for name in _FIELDS}
    tokens = [(part, known([family.tokens.get(part, ()) for family in FAMILIES])) for part in COMPONENTS]
    speaking = [family for family in FAMILIES if speaks(family)]
    return Dialect(
        fields=fields,
        tokens=tuple((component, keys) for component, keys in tokens if keys),
        kinds=tuple(family.kind for family in KIND_ORDER if family.kind and speaks(family)),
        usages=tuple(family.usage for family in speaking if family.usage),
        inputs=tuple(family.input for family in speaking if family.input),
        outputs=tuple(family.output for family in speaking if family.output),
        first_token_events=frozenset(name for family in speaking for name in family.first_token_events),
    )
