"""The scraper's parser and its comparison, as tables; and the supplier's page, which is the same for the same time."""

from __future__ import annotations

import pytest

from sonde.demo.backend_api import supplier
from sonde.demo.scraper.page import Changes, Listing, Page, compare, parse_page

A = Listing("a", "A & B", "hiking", 2.5, "first")
B = Listing("b", "B", "hiking", 3.0, "second")


def row(product_id: str, price: str, cells: str) -> str:
    return f'<tr data-id="{product_id}" data-category="hiking" data-price="{price}">{cells}</tr>'


@pytest.mark.parametrize(
    ("html", "page"),
    [
        (row("a", "2.50", "<td>A &amp; B</td><td>first</td>"), Page({"a": A}, {})),
        (
            row("a", "on request", "<td>A</td><td>first</td>"),
            Page({}, {"a": "could not convert string to float: 'on request'"}),
        ),
        (row("a", "2.50", "<td>A</td>"), Page({}, {"a": "not enough values to unpack (expected 2, got 1)"})),
        ("<p>maintenance</p>", Page({}, {})),
    ],
)
def test_rows_are_read_or_reported(html, page):
    assert parse_page(html) == page


@pytest.mark.parametrize(
    ("before", "page", "changes"),
    [
        ({}, Page({"a": A}, {}), Changes([A], [], [])),
        ({"a": A}, Page({"a": A}, {}), Changes([], [], [])),
        ({"b": A}, Page({"b": B}, {}), Changes([], [B], [])),
        ({"a": A, "b": B}, Page({"a": A}, {}), Changes([], [], ["b"])),
        ({"a": A, "b": B}, Page({"a": A}, {"b": "unreadable"}), Changes([], [], [])),
    ],
    ids=["new", "same", "updated", "delisted", "unreadable is not delisted"],
)
def test_what_changed_is_told(before, page, changes):
    assert compare(before, page) == changes


def test_the_suppliers_page_moves_with_time_and_repeats_for_the_same_time():
    assert supplier.page(7, 100) == supplier.page(7, 100)
    offers = [supplier.offer(7, epoch) for epoch in range(100, 130)]
    assert len({tuple(offer) for offer in offers}) > 10
    assert len({len(offer) for offer in offers}) > 1
