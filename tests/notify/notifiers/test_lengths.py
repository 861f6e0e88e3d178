"""Whatever people and programs write, it is cut to what services take, and stays well formed."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.notify.message_context import MessageContext
from sonde.notify.notifiers import additions
from sonde.notify.notifiers.additions import addition, in_bytes, joined, links_of, room_for
from sonde.notify.notifiers.cut import html_to_characters, to_bytes, to_characters

FORMS = ["PLAIN", "HTML", "HTML_LINES", "MARKDOWN", "TELEGRAM_MARKDOWN", "TELEGRAM_MARKDOWN_2", "SLACK"]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
PIECES = st.sampled_from(["<b>", "</b>", "<i>", "</i>", '<a href="x">', "</a>", "&amp;", "a", "ü", "🔥", "\n"])


@given(TEXTS, st.integers(0, 40))
def test_a_cut_is_short_and_a_beginning(text, limit):
    for cut, length in ((to_characters(text, limit), len), (to_bytes(text, limit), in_bytes)):
        assert length(cut) <= limit or cut == text
        assert cut == text or cut.strip(".") == "" or text.startswith(cut.removesuffix("…"))


class Open(HTMLParser):
    """The tags that are open at the end."""

    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, _):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if tag in self.tags:
            while self.tags.pop() != tag:
                pass


@given(st.lists(PIECES, max_size=30), st.integers(20, 60))
def test_cut_html_has_nothing_open(pieces, limit):
    cut = html_to_characters("".join(pieces), limit)
    assert len(cut) <= limit
    if cut != "".join(pieces):
        reader = Open()
        reader.feed(cut)
        assert reader.tags == []
        assert not re.search(r"&(?!amp;)", cut)


@pytest.mark.parametrize("name", FORMS)
@given(st.lists(TEXTS, max_size=5), st.integers(0, 400), TEXTS)
def test_an_addition_keeps_its_limit_and_leaves_the_rest_to_the_message(name, changes, limit, text):
    form = getattr(additions, name)
    context = MessageContext(acknowledge_url="https://s.org/a?b=1&c=(2)", changes=tuple(changes))
    for measure in (len, in_bytes):
        below = addition(context, form, limit, links=links_of(context), measure=measure)
        assert measure(below) <= limit
        room = room_for(below, 500, form, measure)
        cut = to_characters(text, room) if measure is len else to_bytes(text, room)
        assert measure(joined(cut, below, form)) <= 500
