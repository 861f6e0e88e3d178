"""Attribute filters of searches: ``http.status_code>=500`` as text in, a condition of the SQL tree out.

A filter is a key, a comparison and a value. Keys may name their scope: ``resource.k``, or ``span.k`` / ``log.k`` for
the record itself; a bare key means the record's attribute and, where the record lacks it, its resource's (as in
TraceQL).

Types decide what compares with what. An unquoted number equals integers, floats and the same text; ``<`` and its kin
look at numbers only; ``true`` is a boolean or the word; a quoted value is text and nothing else. A record that lacks
the key matches nothing, also not ``!=`` and ``!~``. Regular expressions are RE2 and must match the whole value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sonde.errors import UserError
from sonde.query.engine import Inquiry
from sonde.query.sql.ast import (
    And,
    Column,
    Comparison,
    Expr,
    In,
    Key,
    Not,
    Operator,
    Or,
    Param,
    Select,
    Table,
    call,
    day_of,
    eq,
    integer,
    real,
    text,
)
from sonde.query.window import DAY, TimeRange

FilterOperator = Literal["=", "!=", ">=", "<=", ">", "<", "=~", "!~"]
Scope = Literal["record", "resource", "any"]

# Longest first: ">=" must not be read as ">".
_OPERATORS: Final[tuple[FilterOperator, ...]] = ("!=", ">=", "<=", "=~", "!~", "=", ">", "<")
_FIRST_OPERATOR = re.compile(r"!=|>=|<=|=~|!~|=|>|<")
_SCOPES: Final[dict[str, Scope]] = {"resource.": "resource", "span.": "record", "log.": "record"}
_MAPS: Final = ("attr_str", "attr_int", "attr_float", "attr_bool", "attr_json")
_INTEGER = re.compile(r"[-+]?\d{1,19}\Z")
_SERVICE_NAME: Final = "service.name"
MAX_FILTERS: Final = 20
MAX_RESOURCES: Final = 50_000


@dataclass(frozen=True, slots=True)
class AttributeFilter:
    """One condition on an attribute. ``quoted`` says that the value stood in double quotes and is text."""

    scope: Scope
    key: str
    operator: FilterOperator
    value: str
    quoted: bool = False


def parse_filter(source: str) -> AttributeFilter:
    """Read ``key operator value``; the first operator divides, so values may hold any character.

    >>> parse_filter("http.status_code>=500")
    AttributeFilter(scope='any', key='http.status_code', operator='>=', value='500', quoted=False)
    >>> parse_filter('resource.pod = "a=b"')
    AttributeFilter(scope='resource', key='pod', operator='=', value='a=b', quoted=True)
    >>> parse_filter("k")
    Traceback (most recent call last):
    sonde.errors.UserError: attribute filter 'k' has no comparison; use = != > >= < <= =~ !~ [bad_attribute_filter]
    """
    divider = _FIRST_OPERATOR.search(source)
    if divider is None:
        raise _bad_filter(f"attribute filter {source!r} has no comparison", _HOW)
    operator: FilterOperator = next(known for known in _OPERATORS if known == divider[0])
    key, value = source[: divider.start()].strip(), source[divider.end() :].strip()
    scope: Scope = "any"
    for prefix, named in _SCOPES.items():
        if key.startswith(prefix):
            scope, key = named, key.removeprefix(prefix)
    if not key:
        raise _bad_filter(f"attribute filter {source!r} has no key", _HOW)
    quoted = len(value) >= 2 and value[0] == value[-1] == '"'
    return AttributeFilter(scope, key, operator, value[1:-1] if quoted else value, quoted)


async def conditions(
    inquiry: Inquiry, filters: Sequence[AttributeFilter], *, tenant: str, window: TimeRange
) -> tuple[Expr, ...]:
    """The filters as conditions on a table with typed attribute maps, ``resource_id`` and ``service``.

    Resources are few: those that match are looked up first, so that a search reads no more maps than it must.
    """
    of_resources = [wanted for wanted in filters if wanted.scope != "record" and not _is_service(wanted)]
    selects = [_resources(_match(wanted), tenant=tenant, window=window) for wanted in of_resources]
    found = await inquiry.together(*selects)
    ids = {
        wanted: tuple(sorted({int(row["resource_id"]) for row in rows}))
        for wanted, rows in zip(of_resources, found, strict=True)
    }
    return tuple(_condition(wanted, ids.get(wanted, ())) for wanted in filters)


def _condition(wanted: AttributeFilter, resource_ids: tuple[int, ...]) -> Expr:
    if _is_service(wanted):
        return _text_match(Column("service"), wanted)
    of_resource = In(Column("resource_id"), Param(resource_ids, "Array(UInt64)")) if resource_ids else Or(())
    if wanted.scope == "resource":
        return of_resource
    if wanted.scope == "record" or not resource_ids:
        return _match(wanted)
    return Or((_match(wanted), And((of_resource, Not(_present(wanted.key))))))


def _is_service(wanted: AttributeFilter) -> bool:
    return wanted.key == _SERVICE_NAME and wanted.scope != "record"


def _resources(where: Expr, *, tenant: str, window: TimeRange) -> Select:
    """Ids of the resources that match. Their table has a row per resource and day."""
    day = Column("day")
    in_time = And(
        (
            Comparison(day, ">=", day_of(window.start_nano - DAY)),
            Comparison(day, "<=", day_of(window.end_nano)),
        )
    )
    return Select(
        columns=(Column("resource_id"),),
        source=Table("resources"),
        where=And((eq("tenant", text(tenant)), in_time, where)),
        group_by=(Column("resource_id"),),
        limit=MAX_RESOURCES,
    )


def _match(wanted: AttributeFilter) -> Expr:
    match wanted.operator:
        case "!=":
            return And((_present(wanted.key), Not(_equal(wanted))))
        case "!~":
            return And((_has("attr_str", wanted.key), Not(_regex(_value("attr_str", wanted.key), wanted.value))))
        case "=~":
            return And((_has("attr_str", wanted.key), _regex(_value("attr_str", wanted.key), wanted.value)))
        case "=":
            return _equal(wanted)
        case ordering:
            return _ordered(wanted, ordering)


def _equal(wanted: AttributeFilter) -> Expr:
    key, value = wanted.key, wanted.value
    choices = [_typed("attr_str", key, "=", text(value))]
    if not wanted.quoted:
        if (whole := _whole(value)) is not None:
            choices.append(_typed("attr_int", key, "=", integer(whole)))
        if (number := _number(value)) is not None:
            choices.append(_typed("attr_float", key, "=", real(number)))
        if value in {"true", "false"}:
            choices.append(_typed("attr_bool", key, "=", Param(value == "true", "Bool")))
        if value[:1] in {"[", "{"}:
            choices.append(_typed("attr_json", key, "=", text(value)))
    return Or(tuple(choices))


def _ordered(wanted: AttributeFilter, operator: Operator) -> Expr:
    number = None if wanted.quoted else _number(wanted.value)
    if number is None:
        raise _bad_filter(
            f"attribute filter {wanted.key}{operator}{wanted.value} compares with something that is no number",
            "use = or != for text",
        )
    whole = _whole(wanted.value)
    as_integer = real(number) if whole is None else integer(whole)
    return Or(
        (_typed("attr_int", wanted.key, operator, as_integer), _typed("attr_float", wanted.key, operator, real(number)))
    )


def _typed(column: str, key: str, operator: Operator, value: Param) -> Expr:
    """A comparison that is false where the key is absent; ``map[k]`` alone would give the type's zero."""
    compared = Comparison(_value(column, key), operator, value)
    absent_cannot_match = operator == "=" and value.value not in ("", 0, False)
    return compared if absent_cannot_match else And((_has(column, key), compared))


def _text_match(column: Column, wanted: AttributeFilter) -> Expr:
    match wanted.operator:
        case "=" | "!=":
            return Comparison(column, wanted.operator, text(wanted.value))
        case "=~":
            return _regex(column, wanted.value)
        case "!~":
            return Not(_regex(column, wanted.value))
        case _:
            raise _bad_filter("a service's name has no order", "use =, !=, =~ or !~")


def _regex(value: Expr, pattern: str) -> Expr:
    """RE2 on the whole value, as in TraceQL; ``.`` matches a newline too."""
    return call("match", value, text(f"^(?s:{pattern})$"))


def _value(column: str, key: str) -> Key:
    return Key(Column(column), text(key))


def _has(column: str, key: str) -> Expr:
    return call("mapContains", Column(column), text(key))


def _present(key: str) -> Expr:
    return Or(tuple(_has(column, key) for column in _MAPS))


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: str) -> int | None:
    """The value as a 64-bit integer, exactly, where it is one: ``200`` and ``200.0``."""
    if _INTEGER.match(value):
        whole = int(value)
    else:
        number = _number(value)
        if number is None or not number.is_integer():
            return None
        whole = int(number)
    return whole if abs(whole) < 2**63 else None


_HOW: Final = "use = != > >= < <= =~ !~"


def _bad_filter(message: str, hint: str) -> UserError:
    return UserError(message, code="bad_attribute_filter", hint=hint)
