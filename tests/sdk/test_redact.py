"""Secrets do not leave; everything else does, unchanged."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sonde.sdk.redact import MARK, PATTERNS, Pattern, Redactor

redactor = Redactor()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc", f"Authorization: {MARK}"),
        ("sent Bearer eyabc123def456 on", f"sent Bearer {MARK} on"),
        ("key sk-proj-abcDEF123456789012 used", f"key {MARK} used"),
        ("key sk-ant-api03-abcDEF123456789012", f"key {MARK}"),
        ("AKIAIOSFODNN7EXAMPLE", MARK),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", MARK),
        ("xoxb-123456789012-abcdefGHI", MARK),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3", MARK),
        ("postgresql://app:hunter2@db:5432/shop", f"postgresql://app:{MARK}@db:5432/shop"),
        ("GET /cb?code=1&access_token=abc.def&x=1", f"GET /cb?code=1&access_token={MARK}&x=1"),
        ('{"user":"ada","password":"love lace"}', f'{{"user":"ada","password":"{MARK}"}}'),
        (r'{"content":"{\"api_key\": \"abc\"}"}', rf'{{"content":"{{\"api_key\": \"{MARK}\"}}"}}'),
        ("paid with 4111 1111 1111 1111.", f"paid with {MARK}."),
        ("paid with 5500-0000-0000-0004", f"paid with {MARK}"),
        ("amex 378282246310005 ok", f"amex {MARK} ok"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----!", f"{MARK}!"),
        ("Set-Cookie: session=abc; Path=/", f"Set-Cookie: {MARK}"),
    ],
)
def test_a_secret_inside_a_text_is_hidden_and_the_rest_stays(text, expected):
    assert redactor.text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a basic understanding of bearer instruments",
        "risk-assessment-for-2026 and task-1234567890123456",
        "order 4111111111111112 (not a card number: wrong check digit)",
        "at 1732147200000000000 ns, 1732147200123 ms, 0.4111111111111111",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "max_tokens=100 tokens: 12",
        "http://127.0.0.1:4318/v1/traces",
        "user@example.org wrote http://example.org:80/@ada",
        "the secret of success; token bucket; password must not be empty",
        "",
    ],
)
def test_what_only_looks_like_a_secret_stays(text):
    assert redactor.text(text) is text


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("password", "x", MARK),
        ("db.connection.password", "x", MARK),
        ("X-API-Key", "x", MARK),
        ("clientSecret", "x", MARK),
        ("http.request.header.cookie", ("a=b",), MARK),
        ("refresh_token", "x", MARK),
        ("card_number", 4111111111111111, MARK),
        ("cvv", 123, MARK),
        ("password", None, None),
        ("has_password", True, True),
        ("gen_ai.usage.input_tokens", 12, 12),
        ("time_to_first_token", 0.25, 0.25),
        ("token_count", "12", "12"),
        ("secretary", "Ada", "Ada"),
        ("nested", {"deep": [{"token": "x", "n": 1}]}, {"deep": [{"token": MARK, "n": 1}]}),
        ("blob", b"\x00", b"\x00"),
    ],
)
def test_a_value_is_hidden_for_its_name(key, value, expected):
    assert redactor.value(key, value) == expected


def test_clean_mappings_come_back_as_the_same_object():
    fields = {"user": {"name": "ada", "tags": ["a", "b"]}, "n": 1}
    assert redactor.mapping(fields) is fields


def test_both_tables_can_be_extended():
    own = Redactor(["national_id"], [Pattern("ticket", re.compile(r"T-\d{6}"), ("t-",))])
    assert own.value("user.national_id", "x") == MARK
    assert own.text("see T-123456") == f"see {MARK}"


def test_a_structure_without_end_does_not_end_us():
    endless: dict[str, object] = {}
    endless["self"] = endless
    assert MARK in str(redactor.value("fields", endless))


WORD = st.text(string.ascii_letters + string.digits, min_size=20, max_size=40).filter(
    lambda text: any(map(str.isdigit, text))
)
SECRETS = st.one_of(
    WORD.map(lambda word: (f"Bearer {word}", word)),
    WORD.map(lambda word: (f"sk-{word}", word)),
    WORD.map(lambda word: (f"sonde_{word}", word)),
    WORD.map(lambda word: (f"password={word}", word)),
    WORD.map(lambda word: (f'"access_token": "{word}"', word)),
    WORD.map(lambda word: (f"redis://user:{word}@cache/0", word)),
    WORD.map(lambda word: (f"gho_{word}", word)),
    WORD.map(lambda word: (f"eyJ{word}.{word}.{word}", word)),
)
FILLER = st.text(st.characters(codec="utf-8", exclude_characters="\\"), max_size=60)


@given(FILLER, SECRETS, FILLER)
def test_no_surrounding_text_lets_a_secret_through(before, secret, after):
    text, hidden = secret
    assume(hidden not in before + after)
    assert hidden not in redactor.text(f"{before} {text} {after}")


@given(st.one_of(FILLER, SECRETS.map(lambda pair: pair[0])))
def test_redacting_twice_changes_nothing_more(text):
    once = redactor.text(text)
    assert redactor.text(once) == once


@given(st.text(max_size=400))
def test_a_pattern_never_matches_where_its_hints_are_absent(text):
    for pattern in PATTERNS:
        if pattern.hints and not any(hint in text.lower() for hint in pattern.hints):
            assert pattern.regex.search(text) is None
