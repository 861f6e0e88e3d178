"""Any value of a log event can be carried; a line is always one line of JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sonde.sdk.logs.event import LogEvent, plain, to_line

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.dates(), st.datetimes()),
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(st.one_of(st.text(), st.integers()), inner),
        st.sets(st.integers()),
        st.tuples(inner),
    ),
    max_leaves=20,
)


@given(st.text(), st.dictionaries(st.text(), VALUES))
def test_a_line_is_one_line_of_strict_json_with_every_field(message, fields):
    event = LogEvent(time_unix_nano=1, level=20, level_name="info", message=message, logger="l", fields=fields)
    line = to_line(event, service="s", ids=None, fields=plain(fields), message=message, error="")
    assert "\n" not in line
    read = json.loads(line, parse_constant=lambda constant: 1 / 0)
    assert read["message"] == message
    assert all(key in read for key in fields)


@given(VALUES)
def test_plain_is_stable(value):
    assert plain(plain(value)) == plain(value)
