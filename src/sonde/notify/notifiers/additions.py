"""What a message says beside its alerts, in the marks of each service: links, and lines about what changed.

A ``Form`` is how a service writes a link and a line; an addition is cut by whole lines, so that no mark stays open.
Where a service has buttons, its notifier takes ``links_of`` and asks for an addition without them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from sonde.notify.message_context import MessageContext
from sonde.notify.notifiers.cut import to_characters

NOTHING: Final = MessageContext()
IMAGE_NAME: Final = "graph.png"
IMAGE_TITLE: Final = "The expression over the last hour"
CHANGES_TITLE: Final = "What changed"
_LONGEST_URL: Final = 2048
_LONGEST_CHANGE: Final = 300
_NEVER_IN_URLS: Final = frozenset(' "<>\\^`{|}')


@dataclass(frozen=True, slots=True)
class Link:
    """Something to press."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Form:
    """How a service writes texts that are not its own."""

    escape: Callable[[str], str]
    heading: str = "{}:"
    line: str = "• {}"
    link: Callable[[Link], str] = lambda link: f"{link.text}: {link.url}"
    line_end: str = "\n"


def _escaped(marks: str) -> Callable[[str], str]:
    pattern = re.compile(f"([{re.escape(marks)}])")
    return lambda text: pattern.sub(r"\\\1", text)


def _html_link(link: Link) -> str:
    return f'<a href="{html.escape(link.url)}">{link.text}</a>'


def _markdown_link(link: Link) -> str:
    # A bracket would end the link.
    return f"[{link.text}]({link.url.replace('(', '%28').replace(')', '%29')})"


PLAIN: Final = Form(lambda text: text)
HTML: Final = Form(html.escape, "<b>{}</b>", link=_html_link)
HTML_LINES: Final = Form(html.escape, "<b>{}</b>", link=_html_link, line_end="<br>\n")
MARKDOWN: Final = Form(_escaped("\\`*_[]<>|~"), "**{}**", "- {}", lambda link: f"- {_markdown_link(link)}")
TELEGRAM_MARKDOWN: Final = Form(_escaped("_*`["), "*{}*", link=_markdown_link)
TELEGRAM_MARKDOWN_2: Final = Form(_escaped("\\_*[]()~`>#+-=|{}.!"), "*{}*", link=_markdown_link)
SLACK: Final = Form(lambda text: html.escape(text, quote=False), link=lambda link: f"<{link.url}|{link.text}>")


def links_of(context: MessageContext) -> tuple[Link, ...]:
    """What there is to press, the most urgent first; an address that no service would take is left out.

    >>> links_of(MessageContext(acknowledge_url="https://s.org/a", runbook_url="see the wiki"))
    (Link(text='Acknowledge', url='https://s.org/a'),)
    """
    wished = (
        Link("Acknowledge", context.acknowledge_url),
        Link("Silence", context.silence_url),
        Link("Runbook", context.runbook_url),
    )
    return tuple(link for link in wished if is_address(link.url))


def graph_of(context: MessageContext) -> str:
    """Where services fetch the graph, or ""."""
    return context.graph_url if is_address(context.graph_url) else ""


def is_address(url: str) -> bool:
    """Whether it can be pressed: an annotation may say anything.

    >>> is_address("https://run.example/a?b=1"), is_address("javascript:alert(1)"), is_address("http://a b/")
    (True, False, False)
    """
    if not 0 < len(url) <= _LONGEST_URL or not url.isprintable() or _NEVER_IN_URLS & set(url):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def is_public_name(url: str) -> bool:
    """Whether the host has a full name or a number; some services take no others.

    >>> is_public_name("http://10.1.2.3:3000/a"), is_public_name("http://localhost:3000/a")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return "." in host.strip(".")
    return True


def changes_text(context: MessageContext, limit: int, form: Form = PLAIN) -> str:
    """The lines about what changed, without a heading; as many as there is room for.

    >>> print(changes_text(MessageContext(changes=("release 1.2", "config")), 100))
    • release 1.2
    • config
    """
    return form.line_end.join(_fitting(map(_line(form), context.changes), limit, len, len(form.line_end)))


def addition(
    context: MessageContext, form: Form, limit: int, *, links: Iterable[Link], measure: Callable[[str], int] = len
) -> str:
    """A text to be put below a message; links come before changes when there is not room for both.

    >>> context = MessageContext(acknowledge_url="https://s.org/a", changes=("release <1.2>",))
    >>> print(addition(context, HTML, 500, links=links_of(context)))
    <b>What changed</b>
    • release &lt;1.2&gt;
    <a href="https://s.org/a">Acknowledge</a>
    >>> addition(context, PLAIN, 30, links=links_of(context)), addition(NOTHING, PLAIN, 30, links=())
    ('Acknowledge: https://s.org/a', '')
    """
    end = form.line_end
    pressed = _fitting(map(form.link, links), limit, measure, len(end))
    room = limit - sum(measure(line) + len(end) for line in pressed)
    heading = form.heading.format(CHANGES_TITLE)
    changes = _fitting(map(_line(form), context.changes), room - measure(heading) - len(end), measure, len(end))
    return end.join([*([heading, *changes] if changes else []), *pressed])


def joined(text: str, below: str, form: Form = PLAIN) -> str:
    """A text with an addition below it."""
    return f"{text.rstrip()}{form.line_end * 2}{below}" if below else text


def room_for(below: str, limit: int, form: Form = PLAIN, measure: Callable[[str], int] = len) -> int:
    """How much of a limit is left for the text above an addition."""
    return limit - measure(below) - 2 * len(form.line_end) if below else limit


def in_bytes(text: str) -> int:
    """How long a text is as UTF-8."""
    return len(text.encode("utf-8", "replace"))


def _line(form: Form) -> Callable[[str], str]:
    return lambda change: form.line.format(form.escape(to_characters(" ".join(change.split()), _LONGEST_CHANGE)))


def _fitting(lines: Iterable[str], limit: int, measure: Callable[[str], int], between: int) -> list[str]:
    """The first lines that fit together."""
    kept: list[str] = []
    for line in lines:
        limit -= measure(line) + (between if kept else 0)
        if limit < 0:
            break
        kept.append(line)
    return kept
