"""Runbooks as pages: ``/runbooks`` lists them, ``/runbooks/HighErrorRate`` is one; written on the server, no script.

Ours are public, as they are in the project's documentation; people's own need what all other pages need. Their Markdown
may hold no HTML, and links of no other kind than http, https, mailto and our own pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from html import escape
from typing import Final
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from starlette.responses import HTMLResponse, Response

from sonde.errors import Forbidden, NotFound, Unauthorized
from sonde.notify.context.runbooks import Runbook, Runbooks
from sonde.telemetry.tenancy import Role
from sonde.web.asking import Reader, identify

_SCHEMES: Final = frozenset({"http", "https", "mailto", ""})
_QUERIES: Final = frozenset({"promql", "metricsql"})
_CACHE: Final = {"cache-control": "no-cache"}
_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Sonde</title><link rel="icon" href="/favicon.svg"><link rel="stylesheet" href="/runbooks/-/style.css">
</head><body><header><a href="/"><img src="/favicon.svg" alt="" width="22" height="22">Sonde</a>
<nav><a href="/runbooks">Runbooks</a><a href="/alerts">Alerts</a></nav></header>
<main>
"""
_FOOT: Final = "</main></body></html>\n"
_STYLE: Final = """
:root { color-scheme: light dark; --bg: #f6f7f8; --surface: #ffffff; --surface-2: #f3f5f6; --border: #e1e5e8;
  --text: #1a2027; --muted: #5d6873; --accent: #0b655e;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) { :root { --bg: #0e1114; --surface: #15191e; --surface-2: #1b2026;
  --border: #262d35; --text: #e4e8ec; --muted: #96a1ad; --accent: #55d3c5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.6 system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", "Noto Sans", sans-serif; }
a { color: var(--accent); }
header { display: flex; gap: 24px; align-items: center; padding: 0 24px; height: 52px; background: var(--surface);
  border-bottom: 1px solid var(--border); }
header a { color: inherit; text-decoration: none; }
header > a { display: flex; gap: 8px; align-items: center; font-weight: 600; }
nav { display: flex; gap: 16px; }
nav a { color: var(--muted); }
header a:hover, main a:hover { text-decoration: underline; }
main { max-width: 780px; margin: 24px auto; padding: 8px 32px 32px; background: var(--surface);
  border: 1px solid var(--border); border-radius: 8px; overflow-wrap: anywhere; }
h1 { font-size: 24px; line-height: 1.25; margin: 20px 0 8px; }
h2 { font-size: 17px; margin: 28px 0 6px; }
pre { background: var(--surface-2); border: 1px solid var(--border); border-radius: 6px; padding: 12px 14px;
  overflow: auto; margin: 8px 0 4px; }
code { font: 13px/1.5 var(--mono); background: var(--surface-2); border-radius: 4px; padding: 1px 4px; }
pre code { background: none; padding: 0; }
.run { display: inline-block; font-size: 13px; margin-bottom: 8px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--border); vertical-align: top; }
.list td:first-child { white-space: nowrap; }
blockquote { margin: 8px 0; padding: 0 16px; border-left: 3px solid var(--border); color: var(--muted); }
img { max-width: 100%; }
.own { font-size: 12px; color: var(--muted); border: 1px solid var(--border); border-radius: 10px; padding: 0 7px; }
.note { color: var(--muted); }
@media (max-width: 700px) { main { margin: 0; border-radius: 0; padding: 8px 16px 24px; } }
@media print { header, .run { display: none; } main { border: 0; margin: 0; } }
"""


def install(app: FastAPI, runbooks: Runbooks) -> None:
    """Add the pages. This comes before the UI's own paths."""

    @app.get("/runbooks", include_in_schema=False)
    async def listing(request: Request) -> Response:
        everything = await asyncio.to_thread(lambda: list(runbooks.all()))
        may_see_own = await _refusal(request) is None
        return HTMLResponse(list_page([each for each in everything if may_see_own or not each.is_own]), headers=_CACHE)

    @app.get("/api/v1/runbooks", tags=["alerting"])
    async def names(_caller: Reader) -> dict[str, list[str]]:
        """The alerts for which there is a page."""
        return {"runbooks": await asyncio.to_thread(runbooks.names)}

    @app.get("/runbooks/-/style.css", include_in_schema=False)
    async def style() -> Response:
        return Response(_STYLE, media_type="text/css", headers={"cache-control": "max-age=3600"})

    @app.get("/runbooks/{name}", include_in_schema=False)
    async def page(request: Request, name: str) -> Response:
        runbook = await asyncio.to_thread(runbooks.find, name)
        if runbook is None:
            raise NotFound(f"there is no runbook {name!r}", code="runbook", hint="/runbooks lists those that there are")
        if runbook.is_own and (refusal := await _refusal(request)) is not None:
            # asked by a browser: a page that says where to go
            return HTMLResponse(_login_page(), status_code=refusal.http_status, headers={"cache-control": "no-store"})
        return HTMLResponse(runbook_page(runbook), headers=_CACHE)


async def _refusal(request: Request) -> Unauthorized | Forbidden | None:
    """Why the caller may not see what needs a log-in."""
    try:
        (await identify(request, request.headers)).require(Role.READ)
    except (Unauthorized, Forbidden) as refusal:
        return refusal
    return None


def runbook_page(runbook: Runbook) -> str:
    """A runbook as a page.

    >>> "<h1>Down</h1>" in runbook_page(Runbook("Down", "# Down", False))
    True
    """
    return _HEAD.format(title=escape(runbook.name)) + rendered(runbook.text) + _FOOT


def list_page(runbooks: Sequence[Runbook]) -> str:
    """All runbooks, with what they are about."""
    rows = "".join(
        f'<tr><td><a href="/runbooks/{quote(each.name)}">{escape(each.name)}</a>'
        f"{' <span class=own>yours</span>' if each.is_own else ''}</td><td>{escape(each.summary)}</td></tr>\n"
        for each in runbooks
    )
    note = '<p class="note">One short page for each alert: what it means, where to look first, what to do.</p>'
    return f"{_HEAD.format(title='Runbooks')}<h1>Runbooks</h1>{note}<table class='list'>{rows}</table>{_FOOT}"


def _login_page() -> str:
    return (
        _HEAD.format(title="Runbook")
        + '<h1>This runbook needs a log-in</h1><p><a href="/">Log in to Sonde</a>, then open this page again.</p>'
        + _FOOT
    )


def rendered(markdown: str) -> str:
    """Markdown as HTML. What is HTML in it is shown as text.

    >>> rendered("<script>alert(1)</script> [x](javascript:alert(1)) [Down](Down.md#what)").strip()
    '<p>&lt;script&gt;alert(1)&lt;/script&gt; [x](javascript:alert(1)) <a href="/runbooks/Down#what">Down</a></p>'
    """
    return str(_MARKDOWN.render(markdown))


def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    parser.validateLink = _is_allowed  # type: ignore[method-assign, assignment] # its way
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("fence", _fence)
    return parser


def _is_allowed(address: str) -> bool:
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return False
    return parts.scheme.lower() in _SCHEMES


def _link(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, environment: EnvType
) -> str:
    """Links between runbooks are written as between files; those to others tell them nothing about us."""
    token = tokens[place]
    address = str(token.attrs.get("href", ""))
    parts = urlsplit(address)
    if not parts.scheme and not parts.netloc and parts.path.endswith(".md"):
        name = parts.path.rpartition("/")[2].removesuffix(".md")
        page = "/runbooks" if name == "README" else f"/runbooks/{name}"
        token.attrs["href"] = page + (f"#{parts.fragment}" if parts.fragment else "")
    elif parts.scheme or parts.netloc:
        token.attrs["rel"] = "noopener noreferrer"
    return renderer.renderToken(tokens, place, options, environment)


def _fence(
    _renderer: RendererHTML, tokens: Sequence[Token], place: int, _options: OptionsDict, _environment: EnvType
) -> str:
    """Code; queries can be run with one click."""
    token = tokens[place]
    code = f"<pre><code>{escape(token.content)}</code></pre>\n"
    if token.info.strip().lower() not in _QUERIES:
        return code
    query = quote(token.content.strip(), safe="")
    return f'{code}<a class="run" href="/metrics-explorer?expr={query}">Run this query</a>\n'


_MARKDOWN: Final = _markdown()
