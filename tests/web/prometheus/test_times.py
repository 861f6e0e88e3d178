"""Times, durations and numbers of requests; the cases are those of Prometheus' own API tests, and some more."""

from __future__ import annotations

import pytest

from sonde.errors import UserError
from sonde.web.prometheus.label_name import unescaped
from sonde.web.prometheus.times import MAX_TIME, MIN_TIME, go_time, parse_duration, parse_limit, parse_time


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("123", 123_000),
        ("123.123", 123_123),
        ("1543578564.705", 1_543_578_564_705),
        ("1582468023986", 1_582_468_023_986_000),
        ("1e3", 1_000_000),
        ("-1.5", -1_500),
        ("0x10p0", 16_000),
        ("2015-06-03T13:21:58.555Z", 1_433_337_718_555),
        ("2015-06-03T14:21:58.555+01:00", 1_433_337_718_555),
        ("2015-06-03T13:21:58Z", 1_433_337_718_000),
        ("2015-06-03T13:21:58.5559999Z", 1_433_337_718_555),
        ("1969-12-31T23:59:59.25Z", -750),
        ("-292273086-05-16T16:47:06Z", MIN_TIME),
        ("292277025-08-18T07:12:54.999999999Z", MAX_TIME),
    ],
)
def test_a_time_is_unix_seconds_or_rfc_3339(text: str, milliseconds: int) -> None:
    assert parse_time(text) == milliseconds


@pytest.mark.parametrize(
    "text", ["", "abc", "30s", "NaN", "+Inf", "1e400", "1e30", "2015-06-03", "2015-13-03T00:00:00Z", " 1", "١"]
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_time(text)
    assert refused.value.message == f'cannot parse "{text}" to a valid timestamp'


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("123", 123), ("123.333", 123.333), ("15s", 15), ("5m", 300), ("15000ms", 15), ("1d", 86_400), ("0", 0),
        ("-1", -1), ("1y2w3d4h5m6s7ms", 33_019_506.007),
    ],
)  # fmt: skip
def test_a_duration_is_seconds_or_has_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "overflow"),
    [
        ("", ""), ("abc", ""), ("1.5m", ""), ("1m1h", ""), ("1h1h", ""), ("1us", ""), ("1000y", ""),
        ("2015-06-03T13:21:58.555Z", ""), ("148966367200.372", ". It overflows int64"),
        ("-148966367200.372", ". It overflows int64"),
    ],
)  # fmt: skip
def test_anything_else_is_no_duration(text: str, overflow: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_duration(text)
    assert refused.value.message == f'cannot parse "{text}" to a valid duration{overflow}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", 'strconv.Atoi: parsing "x": invalid syntax'),
        ("1.5", 'strconv.Atoi: parsing "1.5": invalid syntax'),
        ("99999999999999999999", 'strconv.Atoi: parsing "99999999999999999999": value out of range'),
        ("-1", "limit must be non-negative"),
    ],
)
def test_a_limit_is_a_whole_number(text: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_limit(text)
    assert refused.value.message == message


def test_no_limit_is_zero() -> None:
    assert (parse_limit(""), parse_limit("0"), parse_limit("12")) == (0, 0, 12)


@pytest.mark.parametrize(
    ("nano", "text"),
    [(1, "1970-01-01T00:00:00.000000001Z"), (10**9, "1970-01-01T00:00:01Z"), (-(10**9), "1969-12-31T23:59:59Z")],
)
def test_a_time_is_written_as_go_writes_it(nano: int, text: str) -> None:
    assert go_time(nano) == text


@pytest.mark.parametrize(
    ("escaped", "name"),
    [
        ("U__http_2e_status__code", "http.status_code"),
        ("U___1F600_", "\U0001f600"),
        ("U__", ""),
        ("U__a_110000_", "U__a_110000_"),
        ("U__a_d800_", "U__a_d800_"),
        ("U__a_xyz_", "U__a_xyz_"),
        ("U__a_", "U__a_"),
        ("U__a_0000041_", "U__a_0000041_"),
        ("__name__", "__name__"),
    ],
)
def test_a_label_name_in_a_path_may_be_escaped(escaped: str, name: str) -> None:
    assert unescaped(escaped) == name
