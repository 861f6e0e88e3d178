"""Duration expressions and @ become literals once the query's start, end and step are known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.errors import UserError
from sonde.query.promql.durations import resolve
from sonde.query.promql.parser import parse
from sonde.query.promql.printer import to_text
from sonde.telemetry.duration import duration_text, parse_strict_nanoseconds


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("a[step()]", "a[5s]"),
        ("a[range()]", "a[10s]"),
        ("a[1+(step()-4)*2]", "a[3s]"),
        ("a[29s+1s:20*500ms]", "a[30s:10s]"),
        ("a[((((8 - 2) / 3) * 7s) % 4) + 8000ms]", "a[10s]"),
        ("a[1h30m % 1h]", "a[30m]"),
        ("a[2 ^ 3 ^ 2]", "a[8m32s]"),
        ("a[max_of(min_of(step()+1,1h),1ms)]", "a[6s]"),
        ("a[min_of(10^400, 5m)]", "a[5m]"),
        ("a offset -(2 * step())", "a offset -10s"),
        ("a offset (1 - 1)", "a offset 0s"),
        ("a[0.0015 * 1]", "a[1ms]"),
        ("sum(-(a @ start() + a @ end()))", "sum(-(a @ 50.000 + a @ 60.000))"),
        ("topk(1, a @ 7)[5m:step()] @ end() offset step()", "topk(1, a @ 7.000)[5m:5s] @ 60.000 offset 5s"),
        ("rate(a[5m] anchored @ start())", "rate(a[5m] anchored @ 50.000)"),
        ("start() + step()", "start() + step()"),
    ],
)
def test_resolved_for_a_query_from_50_to_60_seconds_in_steps_of_5(text: str, resolved: str) -> None:
    assert to_text(resolve(parse(text), 50_000, 60_000, 5_000)) == resolved


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a[step()]", "2:8: duration must be greater than 0"),
        ("a[1 - 1]", "2:7: duration must be greater than 0"),
        ("a[5m:1-2]", "5:8: duration must be greater than 0"),
        ("a[1/step()]", "2:10: division by zero"),
        ("a offset (1%range())", "10:19: modulo by zero"),
        ("a offset (10^400)", "10:16: duration is NaN or infinite"),
        ("a[10^100]", "2:8: duration is out of range"),
    ],
)
def test_what_is_no_duration_at_an_instant(text: str, message: str) -> None:
    with pytest.raises(UserError) as failure:
        resolve(parse(text), 50_000, 50_000, 0)
    assert failure.value.message == message
    assert failure.value.code == "promql.duration"


@pytest.mark.parametrize(
    ("text", "printed"),
    [("1s5ms", "1s5ms"), ("1.0059", "1s5ms"), ("999999999.997", "11574d1h46m39s997ms"), ("0.0009", "0s")],
)
def test_what_is_less_than_a_millisecond_is_cut_off_and_no_more(text: str, printed: str) -> None:
    assert to_text(parse(f"a[{text}]")) == f"a[{printed}]"


@given(st.integers(0, 2**63 // 10**6 - 1))
def test_a_printed_duration_is_read_as_the_same_duration(milliseconds: int) -> None:
    assert parse_strict_nanoseconds(duration_text(milliseconds)) == milliseconds * 10**6
