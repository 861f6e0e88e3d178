"""The guard contains our failures, and only those that are ours to contain."""

from __future__ import annotations

import logging

import pytest

from sonde.sdk.guard import failures, guard

pytestmark = pytest.mark.usefixtures("clean_process")


def test_a_failure_is_contained_counted_and_logged_once(caplog):
    with caplog.at_level(logging.ERROR, "sonde.sdk"):
        for _ in range(3):
            with guard("sdk.test"):
                raise LookupError("gone")
    assert failures() == {"sdk.test": 3}
    (record,) = caplog.records
    assert record.getMessage().startswith("sdk.test failed; your program goes on")
    assert isinstance(record.exc_info[1], LookupError)


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_exits_pass(leaving):
    with pytest.raises(leaving), guard("sdk.test"):
        raise leaving
    assert failures() == {}
