"""Which moments lie in a time interval, and how wrong ones are refused."""

from __future__ import annotations

from datetime import datetime

import pytest

from sonde.errors import UserError
from sonde.notify.configuration import parse_configuration

TEXT = """
route: {{receiver: a}}
receivers: [{{name: a}}]
time_intervals: [{{name: t, time_intervals: [{interval}]}}]
"""


def contains(interval: str, moment: str) -> bool:
    (found,) = parse_configuration(TEXT.format(interval=interval)).time_intervals["t"]
    return found.contains(datetime.fromisoformat(moment))


@pytest.mark.parametrize(
    ("interval", "moment", "expected"),
    [
        ("{}", "2026-07-01T00:00Z", True),
        ("{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-07-01T09:00Z", True),
        ("{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-07-01T16:59:59Z", True),
        ("{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-07-01T17:00Z", False),
        ("{times: [{start_time: '23:00', end_time: '24:00'}]}", "2026-07-01T23:59Z", True),
        ("{times: []}", "2026-07-01T12:00Z", False),
        ("{weekdays: ['monday:friday']}", "2026-07-17T12:00Z", True),
        ("{weekdays: ['monday:friday']}", "2026-07-18T12:00Z", False),
        ("{weekdays: [saturday, Sunday]}", "2026-07-19T12:00Z", True),
        ("{days_of_month: ['1:5']}", "2026-07-05T12:00Z", True),
        ("{days_of_month: ['-1']}", "2026-02-28T12:00Z", True),
        ("{days_of_month: ['-3:-1']}", "2028-02-26T12:00Z", False),
        ("{days_of_month: ['-3:-1']}", "2028-02-27T12:00Z", True),
        ("{days_of_month: ['31']}", "2026-06-30T12:00Z", False),
        ("{days_of_month: ['29:31']}", "2026-02-28T12:00Z", False),
        ("{days_of_month: ['25:31']}", "2026-02-28T12:00Z", True),
        ("{months: ['may:august', '12']}", "2026-12-01T12:00Z", True),
        ("{months: ['1:3']}", "2026-04-01T12:00Z", False),
        ("{years: ['2020:2025', '2027']}", "2026-01-01T12:00Z", False),
        ("{years: ['2026']}", "2026-01-01T12:00Z", True),
        # 9:00 in Sydney, daylight saving, is 22:00 UTC of the day before.
        ("{times: [{start_time: '09:00', end_time: '10:00'}], location: Australia/Sydney}", "2026-01-01T22:30Z", True),
        ("{times: [{start_time: '09:00', end_time: '10:00'}], location: Australia/Sydney}", "2026-07-01T22:30Z", False),
        ("{weekdays: [friday], location: Australia/Sydney}", "2026-07-16T20:00Z", True),
        ("{weekdays: [friday], months: [june]}", "2026-07-17T12:00Z", False),
    ],
)
def test_a_moment_lies_in_an_interval(interval: str, moment: str, expected: bool) -> None:
    assert contains(interval, moment) is expected


@pytest.mark.parametrize(
    ("interval", "message"),
    [
        ("{times: [{start_time: '9:00', end_time: '17:00'}]}", "couldn't parse timestamp 9:00, invalid format"),
        ("{times: [{start_time: '17:00', end_time: '09:00'}]}", "start time cannot be equal or greater than end time"),
        ("{times: [{start_time: '17:00'}]}", "both start and end times must be provided"),
        ("{weekdays: ['friday:monday']}", "start day cannot be before end day"),
        ("{weekdays: [fryday]}", "fryday is not a valid weekday"),
        ("{weekdays: ['a:b:c']}", "couldn't parse range a:b:c, invalid format"),
        ("{days_of_month: ['0']}", "0 is not a valid day of the month: out of range"),
        ("{days_of_month: ['-3:3']}", "end day must be negative if start day is negative"),
        ("{days_of_month: ['10:-25']}", "end day -25 is always before start day 10"),
        ("{months: ['may:april']}", "end month april is before start month may"),
        ("{months: [smarch]}", "smarch is not a valid month"),
        ("{years: ['2027:2026']}", "end year 2026 is before start year 2027"),
        ("{years: [soon]}", 'strconv.Atoi: parsing "soon": invalid syntax'),
        ("{location: Mars/Olympus}", "unknown time zone Mars/Olympus"),
    ],
)
def test_a_wrong_interval_is_refused_in_alertmanagers_words(interval: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        contains(interval, "2026-07-01T00:00Z")
    assert message in raised.value.message
    assert raised.value.position is not None
    assert raised.value.position[0] == 4
