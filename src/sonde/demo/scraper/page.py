"""The supplier's HTML → listings, and what changed against the run before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser


@dataclass(frozen=True, slots=True)
class Listing:
    """One row of the supplier's table."""

    id: str
    name: str
    category: str
    price: float
    description: str


@dataclass(frozen=True, slots=True)
class Page:
    """What could be read, and for each row that could not: its id, and why."""

    listings: Mapping[str, Listing]
    errors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """What the shop must do to follow the supplier."""

    new: Sequence[Listing]
    updated: Sequence[Listing]
    delisted: Sequence[str]


def parse_page(text: str) -> Page:
    """Read all rows that have an id, a category, a numeric price, a name and a description."""
    rows = _Rows()
    rows.feed(text)
    listings, errors = {}, {}
    for attributes, cells in rows.found:
        try:
            name, description = cells
            listing = Listing(
                attributes["data-id"],
                name,
                attributes["data-category"],
                float(attributes["data-price"]),
                description,
            )
        except (KeyError, ValueError) as error:
            errors[attributes.get("data-id", "?")] = str(error)
        else:
            listings[listing.id] = listing
    return Page(listings, errors)


def compare(before: Mapping[str, Listing], page: Page) -> Changes:
    """What is new, different or gone. A row that could not be read is neither."""
    return Changes(
        new=[listing for key, listing in page.listings.items() if key not in before],
        updated=[listing for key, listing in page.listings.items() if key in before and before[key] != listing],
        delisted=[key for key in before if key not in page.listings and key not in page.errors],
    )


class _Rows(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str], list[str]]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.found.append(({key: value or "" for key, value in attrs}, []))
        elif tag == "td" and self.found:
            self.found[-1][1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.found[-1][1][-1] += data
