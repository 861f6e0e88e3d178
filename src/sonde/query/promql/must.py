"""What the parser and the plan have seen to, said where it counts: a broken promise is ours, not the caller's."""

from __future__ import annotations

from typing import TypeVar

from sonde.errors import InternalError

T = TypeVar("T")


def must_be(value: object, kind: type[T]) -> T:
    """The value, which is of this kind.

    >>> must_be("up", str)
    'up'
    """
    if not isinstance(value, kind):
        raise InternalError(f"expected {kind.__name__}, got {value!r}", code="promql.evaluate")
    return value


def must_have(value: T | None) -> T:
    """The value, which is there.

    >>> must_have(0)
    0
    """
    if value is None:
        raise InternalError("expected a value, got none", code="promql.evaluate")
    return value
