"""Addresses in messages, and graphs that are signed."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.errors import NotFound
from sonde.notify.alert import Alert
from sonde.notify.context.graph import Outline
from sonde.notify.context.graph_links import LIFETIME_SECONDS, GraphLinks
from sonde.notify.context.graph_plan import Threshold
from sonde.notify.context.links import expression_of, is_public, runbook_url, silence_url
from sonde.notify.context.runbooks import Runbooks
from sonde.notify.matchers import parse_matcher
from sonde.notify.notifier import Batch

OUTLINE = Outline(
    "team-a",
    "HighErrorRate",
    "sum(rate(errors[5m]))",
    1_700_000_000_000,
    Threshold(">", 0.05),
    ((("alertname", "HighErrorRate"), ("job", "shop")),),
    1_699_999_000_000,
)


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://sonde.example.org", True),
        ("http://10.0.0.5:3000/sonde", True),
        ("http://sonde", True),
        ("http://localhost:3000", False),
        ("http://a.localhost", False),
        ("http://127.1.2.3", False),
        ("http://[::1]:3000", False),
        ("http://0.0.0.0:3000", False),
        ("", False),
        ("sonde.example.org", False),
    ],
)
def test_only_addresses_that_others_can_reach_are_public(url, public):
    assert is_public(url) is public


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=1, max_size=5))  # fmt: skip
def test_a_silence_link_says_exactly_the_groups_labels(labels):
    pairs = tuple(sorted(labels.items()))
    url = silence_url("https://sonde.example.org/", Batch("a", "a/b/0", "", pairs, (Alert(pairs),), 0))
    query = parse_qsl(urlsplit(url).query, strict_parsing=True, errors="strict")
    assert {name for name, _ in query} == {"matcher"}
    found = [parse_matcher(text) for _, text in query]
    assert [(matcher.name, matcher.operator, matcher.value) for matcher in found] == [(n, "=", v) for n, v in pairs]


def test_a_group_without_labels_is_silenced_by_what_its_alerts_share():
    alerts = (Alert((("alertname", "Down"), ("job", "a"))), Alert((("alertname", "Down"), ("job", "b"))))
    url = silence_url("https://s", Batch("a", "a/b/0", "{}:{}", (), alerts, 0))
    assert url == "https://s/alerts/silences/new?matcher=alertname%3D%22Down%22"


def test_a_silence_that_does_not_fit_into_a_link_is_not_made_wider():
    labels = (("a", "x" * 1500), ("b", "ä" * 500))
    assert silence_url("https://s", Batch("a", "a/b/0", "", labels, (Alert(labels),), 0)) == ""


@pytest.mark.parametrize(
    ("annotation", "url"),
    [
        ("https://wiki.example.org/down", "https://wiki.example.org/down"),
        ("/runbooks/HighErrorRate", "https://s/runbooks/HighErrorRate"),
        ("", "https://s/runbooks/HighErrorRate"),
        ("javascript:alert(1)", "https://s/runbooks/HighErrorRate"),
        ("//evil.example", "https://s/runbooks/HighErrorRate"),
        ("http://[bad", "https://s/runbooks/HighErrorRate"),
        ("see the wiki", "https://s/runbooks/HighErrorRate"),
    ],
)
def test_the_alerts_own_runbook_wins_if_it_is_an_address(annotation, url):
    alert = Alert((("alertname", "HighErrorRate"),), (("runbook_url", annotation),))
    assert runbook_url("https://s/", [alert], Runbooks().has) == url


def test_without_a_runbook_there_is_no_link():
    assert runbook_url("https://s", [Alert((("alertname", "Unknown"),))], Runbooks().has) == ""


@pytest.mark.parametrize(
    ("url", "expression"),
    [
        ("http://p:9090/graph?g0.expr=a%2Bb&g0.tab=1&g1.expr=c", "a+b"),
        ("http://p:9090/graph", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_the_expression_of_alerts_from_outside_stands_in_their_link(url, expression):
    assert expression_of(url) == expression


def links(now=0, secret=b"secret", url="https://sonde.example.org"):
    return GraphLinks(url, secret, lambda: now)


def test_a_signed_graph_is_read_as_it_was():
    url = links().url(OUTLINE)
    assert url.startswith("https://sonde.example.org/alert-graph/")
    assert links(now=(LIFETIME_SECONDS - 1) * 10**9).read(url.rpartition("/")[2].removesuffix(".png")) == OUTLINE


def test_there_is_no_link_where_nobody_could_follow_it():
    assert links(url="http://127.0.0.1:3000").url(OUTLINE) == ""
    assert links(url="").url(OUTLINE) == ""


def test_a_link_that_is_too_long_is_none():
    noise = base64.b64encode(bytes(range(256)) * 20).decode()
    scrambled = "".join(chr(33 + (ord(letter) * place) % 90) for place, letter in enumerate(noise))
    assert links().url(Outline("a", "b", scrambled, 0)) == ""


def test_a_link_ends():
    token = links().token(OUTLINE)
    with pytest.raises(NotFound, match="ended"):
        links(now=(LIFETIME_SECONDS + 1) * 10**9).read(token)


def test_nobody_without_the_key_makes_a_link():
    with pytest.raises(NotFound):
        links(secret=b"another").read(links().token(OUTLINE))


@given(st.integers(0, 10**6), st.characters(codec="utf-8"))
def test_a_link_that_was_changed_anywhere_is_refused(place, letter):
    token = links().token(OUTLINE)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    try:
        assert links().read(changed) == OUTLINE  # the last letter's spare bits
        assert changed == token or place == len(token) - 1
    except NotFound:
        assert changed != token


@given(st.text(max_size=3000))
def test_any_other_text_is_no_link(text):
    with pytest.raises(NotFound):
        links().read(text)


def test_own_runbooks_shadow_ours_and_nothing_outside_the_folder_is_read(tmp_path):
    (tmp_path / "secret.md").write_text("secret")
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "HighErrorRate.md").write_text("# Ours\n\nCall Bob.\n")
    runbooks = Runbooks(folder)
    assert (runbooks.find("HighErrorRate").is_own, runbooks.find("HighErrorRate").summary) == (True, "Call Bob.")
    assert not runbooks.find("ServiceDown").is_own
    for name in ("../secret", "README", "", "a/b", ".", "..", "Unknown", "x" * 300, "\0"):
        assert runbooks.find(name) is None
    names = [runbook.name for runbook in runbooks.all()]
    assert "README" not in names
    assert len(names) == len(set(names)) > 40
