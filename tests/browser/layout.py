"""Whether a page fits its window, and whether everything on it that can be used has a name."""

from __future__ import annotations

from playwright.sync_api import Page
from tests.browser.keys import painted

WIDTHS = (360, 390, 768, 1280)


def too_wide(page: Page) -> list[int]:
    """The widths of a window in which the page would have to be scrolled sideways."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        painted(page)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(width)
    return found


def nameless(page: Page) -> list[str]:
    """Buttons, links and fields that a screen reader could not tell."""
    return list(
        page.evaluate(
            """[...document.querySelectorAll("button, a, input, select")].filter(
                (element) =>
                    !element.textContent.trim() && !element.getAttribute("aria-label") && !element.labels?.length
            ).map((element) => element.outerHTML)"""
        )
    )
