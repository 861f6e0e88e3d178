"""Keys as a person presses them: after the page has been seen."""

from __future__ import annotations

from playwright.sync_api import Page

_FRAME = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def painted(page: Page) -> None:
    """Wait until what the page has learnt is drawn."""
    page.evaluate(_FRAME)


def press(page: Page, key: str) -> None:
    """Press a key once a frame is painted: Chromium drops what is typed into a page that was never drawn."""
    painted(page)
    page.keyboard.press(key)
