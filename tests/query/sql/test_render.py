"""SQL text is made of our own names only: whatever a user writes travels beside it and comes back unchanged."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.query.sql import ast
from sonde.query.sql.render import render, render_expression
from sonde.store.pool import AsyncStore

ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
# A value that our own words could contain by chance proves nothing.
FOREIGN = ANY_TEXT.map(lambda text: f"\x7f{text}'`\\;--")


def every_place_for_a_value(key: str, value: str) -> ast.Select:
    """A SELECT with user text in each place that takes some."""
    attribute = ast.Key(ast.Column("attr_str"), ast.text(key))
    return ast.Select(
        columns=(ast.Alias(ast.call("concat", attribute, ast.text(value)), "x"),),
        source=ast.Select((ast.Column("attr_str"), ast.Column("body")), ast.Table("logs"), where=ast.eq("body", ast.text(value))),
        where=ast.And(
            (
                ast.Or((ast.Comparison(attribute, "=", ast.text(value)), ast.Not(ast.call("mapContains", ast.Column("attr_str"), ast.text(key))))),
                ast.In(ast.Column("body"), ast.texts([key, value])),
                ast.Comparison(ast.Column("body"), "ILIKE", ast.containing(value)),
                ast.Call("quantile", (ast.Column("body"),), (0.5, ast.text(value))),
            )
        ),
        limit=1,
        one_by=(attribute,),
    )  # fmt: skip


@given(key=FOREIGN, value=FOREIGN)
def test_user_text_never_gets_into_sql_text(key: str, value: str) -> None:
    statement = render(every_place_for_a_value(key, value))

    assert key not in statement.sql
    assert value not in statement.sql
    assert re.fullmatch(r"[A-Za-z0-9_.(){}:\[\], =]+", statement.sql)
    assert {key, value} <= {v for v in statement.parameters.values() if isinstance(v, str)}


@given(key=FOREIGN, value=FOREIGN)
def test_equal_values_share_a_parameter_and_text_has_one_for_each(key: str, value: str) -> None:
    statement = render(every_place_for_a_value(key, value))

    named = set(re.findall(r"\{(p\d+):", statement.sql))
    assert named == set(statement.parameters)


def test_equal_numbers_of_different_types_are_different_parameters() -> None:
    either = ast.Or((ast.eq("a", ast.integer(1)), ast.eq("b", ast.real(1.0)), ast.eq("c", ast.Param(True, "Bool"))))

    sql, parameters = render_expression(either)

    assert sql == "a = {p0:Int64} OR b = {p1:Float64} OR c = {p2:Bool}"
    assert parameters == {"p0": 1, "p1": 1.0, "p2": True}


@pytest.mark.parametrize(
    "build",
    [
        lambda: ast.Column("a; DROP TABLE spans"),
        lambda: ast.Column("a`b"),
        lambda: ast.Table("spans WHERE 1"),
        lambda: ast.Table("spans", database="x y"),
        lambda: ast.Call("count(); --", ()),
        lambda: ast.Alias(ast.Column("a"), "b, c"),
        lambda: ast.Lambda(("x -> y",), ast.Column("x")),
        lambda: ast.Param("x", "String} OR {y:String"),
        lambda: ast.Comparison(ast.Column("a"), "= 1 OR", ast.Column("b")),  # type: ignore[arg-type]
    ],
)
def test_names_that_are_no_names_cannot_be_built(build: Any) -> None:
    with pytest.raises(ValueError, match="is not"):
        build()


@pytest.mark.parametrize(
    ("expression", "sql"),
    [
        (ast.And((ast.Or((ast.Column("a"), ast.Column("b"))), ast.Column("c"))), "(a OR b) AND c"),
        (ast.Not(ast.And((ast.Column("a"), ast.Column("b")))), "NOT (a AND b)"),
        (ast.And((ast.Not(ast.Column("a")), ast.Column("b"))), "(NOT a) AND b"),
        (ast.And(()), "1"),
        (ast.Or(()), "0"),
        (ast.Or((ast.Column("a"),)), "a"),
        (ast.Comparison(ast.Comparison(ast.Column("a"), "=", ast.Column("b")), "=", ast.Column("c")), "(a = b) = c"),
        (ast.Call("quantiles", (ast.Column("d"),), settings=(0.5, 0.95)), "quantiles(0.5, 0.95)(d)"),
        (ast.Row((ast.Column("a"), ast.Number(2))), "(a, 2)"),
    ],
)
def test_brackets_keep_the_trees_meaning(expression: ast.Expr, sql: str) -> None:
    assert render_expression(expression)[0] == sql


VALUES = ["", "'", "\\", "\\'", "a\nb\tc\rd", "\x00", "%_\\%", "{p0:String}", "-- ; /* */", "é😀", "]['", "\\N", "NULL"]


async def test_any_text_comes_back_unchanged_from_the_engine(store: AsyncStore) -> None:
    for value in VALUES:
        for given_as in (ast.text(value), ast.call("arrayElement", ast.texts([value]), ast.Number(1))):
            select = ast.Select((ast.Alias(given_as, "x"),), ast.Table("one", database="system"))
            statement = render(select)
            result = await store.query(statement.sql, statement.parameters)
            assert result.rows == [[value]], (value, statement.sql)


async def test_like_patterns_find_what_they_say_and_nothing_else(store: AsyncStore) -> None:
    for value in (value for value in VALUES if value):
        found = ast.Comparison(ast.text(f"<{value}>"), "ILIKE", ast.containing(value))
        missed = ast.Comparison(ast.text("<other>"), "ILIKE", ast.containing(value))
        statement = render(
            ast.Select((ast.Alias(found, "f"), ast.Alias(missed, "m")), ast.Table("one", database="system"))
        )
        assert (await store.query(statement.sql, statement.parameters)).rows == [[1, 0]], value
