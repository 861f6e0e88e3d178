"""How much a template may do: templates come from users, and a loop of a few letters could run for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one execution."""

    steps: int = 1_000_000
    """Nodes that are executed, each turn of a loop counted."""
    characters: int = 1 << 20
    """Length of the output, and of each string on the way."""
    depth: int = 60
    """How deep templates call each other."""


DEFAULT_LIMITS: Final = Limits()
