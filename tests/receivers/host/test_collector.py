"""The host's collector on the files of a machine that stands in a text, and what it does with broken ones."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from sonde.receivers.collector import Family, to_text
from sonde.receivers.host import clock
from sonde.receivers.host.collector import FILES, HostCollector
from sonde.receivers.host.tree import Tree

# What asks the machine that the test runs on and not its files.
OF_THIS_MACHINE = {"time", "timex", "uname", "filesystem"}


def values(families: list[Family] | tuple[Family, ...], name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(value for _, value in sample.labels): sample.value
        for family in families
        if family.name == name
        for sample in family.samples
    }


async def test_a_machine_reads_as_the_golden_text_says(machine: Path, rewrite_golden: bool) -> None:
    families = await HostCollector(machine, disabled=OF_THIS_MACHINE).collect()

    text = to_text(family for family in families if family.name != "node_scrape_collector_duration_seconds")

    golden = Path(__file__).parent / "machine.golden"
    if rewrite_golden:
        golden.write_text(text)
    assert text == golden.read_text()


async def test_file_systems_are_asked_under_the_root_and_named_as_the_host_names_them(machine: Path) -> None:
    families = list(await HostCollector(machine).collect())

    stat = os.statvfs(machine)
    assert values(families, "node_filesystem_size_bytes") == {
        ("/dev/mapper/vg-root", "ext4", "/"): stat.f_blocks * stat.f_frsize,
        ("/dev/sdb1", "ext4", "/my data"): stat.f_blocks * stat.f_frsize,
    }
    assert values(families, "node_filesystem_readonly") == {
        ("/dev/mapper/vg-root", "ext4", "/"): 0,
        ("/dev/sdb1", "ext4", "/my data"): 1,
        ("/dev/sdc1", "no such file or directory", "xfs", "/gone"): 0,
    }
    assert (
        values(families, "node_filesystem_device_error")[("/dev/sdc1", "no such file or directory", "xfs", "/gone")]
        == 1
    )


async def test_a_machine_without_anything_has_no_success_and_still_an_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    families = list(await HostCollector(tmp_path, disabled=("timex", "time")).collect())

    success = values(families, "node_scrape_collector_success")
    # What only some machines have is told as nothing; what each has, as a failure.
    assert {name for (name,), value in success.items() if value} == {
        *("cpufreq", "edac", "netclass", "selinux", "sockstat", "thermal_zone", "uname")
    }
    assert len(success) == len(FILES) + 1 - 2


async def test_one_broken_file_costs_one_collector_and_one_line_of_log(
    machine: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (machine / "proc/loadavg").write_text("no numbers here\n")
    collector = HostCollector(machine, disabled=OF_THIS_MACHINE)

    with caplog.at_level(logging.INFO):
        first = list(await collector.collect())
        await collector.collect()
        (machine / "proc/loadavg").write_text("1 2 3 1/1 1\n")
        last = list(await collector.collect())

    assert values(first, "node_scrape_collector_success")[("loadavg",)] == 0
    assert values(last, "node_scrape_collector_success")[("loadavg",)] == 1
    assert values(first, "node_memory_MemTotal_bytes") == {(): 16042172 * 1024}
    assert [record.message for record in caplog.records] == [
        "collector host: loadavg failed: ValueError: could not convert string to float: 'no'",
        "collector host: loadavg works again",
    ]


def test_the_clock_is_the_one_that_was_handed_in(machine: Path) -> None:
    families = list(clock.time(Tree(machine), now=lambda: 1_500_000_000.25))

    assert values(families, "node_time_seconds") == {(): 1_500_000_000.25}
    assert values(families, "node_time_clocksource_current_info") == {("tsc", "0"): 1}
    assert len(values(families, "node_time_clocksource_available_info")) == 3


def test_timex_units_follow_the_status() -> None:
    answer = clock.Timex(offset=5_000, freq=65_536, maxerror=16_000_000, status=clock.STA_NANO, tai=37)

    families = clock.timex_families(answer, state=clock.TIME_ERROR)

    assert values(families, "node_timex_offset_seconds") == {(): pytest.approx(5e-6)}
    assert values(families, "node_timex_frequency_adjustment_ratio") == {(): pytest.approx(1.000001)}
    assert values(families, "node_timex_maxerror_seconds") == {(): pytest.approx(16.0)}
    assert values(families, "node_timex_sync_status") == {(): 0}
    assert values(families, "node_timex_tai_offset_seconds") == {(): 37}


def test_instance_is_the_machines_name(machine: Path) -> None:
    assert HostCollector(machine).instance == "web-1"
