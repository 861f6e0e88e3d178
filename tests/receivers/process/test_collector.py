"""The process collector on a machine's files that the test writes, and on the process that the test is."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sonde.errors import UserError
from sonde.receivers.collector import Family, to_text
from sonde.receivers.process.collector import ProcessCollector
from sonde.receivers.process.rules import Identity, Rule, group_of

HERE = Path(__file__).parent
PAGE = os.sysconf("SC_PAGESIZE")


def write_process(
    root: Path, pid: int, *, comm: str, parent: int = 1, user_ticks: int = 0, cmdline: str = "", started: int = 500
) -> None:
    folder = root / f"proc/{pid}"
    (folder / "fd").mkdir(parents=True, exist_ok=True)
    for number in range(3):
        (folder / f"fd/{number}").touch()
    stat = f"{pid} ({comm}) S {parent} 1 1 0 -1 4194304 30 0 4 0 {user_ticks} 50 0 0 20 0 6 0 {started} 9000000 100 18446744073709551615"
    files = {
        "stat": stat,
        "comm": f"{comm}\n",
        "cmdline": cmdline.replace(" ", "\0") + "\0" if cmdline else "",
        "status": f"Name:\t{comm}\nUid:\t1000\t1000\nVmSwap:\t  8 kB\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t2\n",
        "io": "rchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\n",
        "limits": "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 4096                 files\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)


def end_process(root: Path, pid: int) -> None:
    folder = root / f"proc/{pid}"
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/stat").write_text("cpu 1 2 3\nbtime 1700000000\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nshop:x:1000:1000::/home/shop:/bin/sh\n")
    (tmp_path / "etc/hostname").write_text("web-1\n")
    return tmp_path


def value(families: Sequence[Family], name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in families
        if family.name == f"namedprocess_{name}"
        for sample in family.samples
        if labels.items() <= dict(sample.labels).items()
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


async def test_a_machine_reads_as_the_golden_text_says(machine: Path, rewrite_golden: bool) -> None:
    write_process(machine, 10, comm="nginx", user_ticks=150, cmdline="nginx: master")
    write_process(machine, 11, comm="nginx", parent=10, user_ticks=50, started=900)
    write_process(machine, 12, comm="a) odd (name", user_ticks=1)

    text = to_text(await ProcessCollector(rootfs=machine).collect()).replace(str(100 * PAGE), "{100 pages}")

    text = text.replace(str(200 * PAGE), "{200 pages}")
    golden = HERE / "machine.golden"
    if rewrite_golden:
        golden.write_text(text)
    assert text == golden.read_text()


async def test_counters_never_fall_when_processes_end_or_pids_are_used_again(machine: Path) -> None:
    collector = ProcessCollector(rootfs=machine)
    cpu = {"groupname": "job", "mode": "user"}
    write_process(machine, 20, comm="job", user_ticks=500)
    seconds = [value(await collector.collect(), "namegroup_cpu_seconds_total", **cpu)]
    write_process(machine, 20, comm="job", user_ticks=700)
    seconds.append(value(await collector.collect(), "namegroup_cpu_seconds_total", **cpu))
    write_process(machine, 20, comm="job", user_ticks=100, started=99_999)
    seconds.append(value(await collector.collect(), "namegroup_cpu_seconds_total", **cpu))
    end_process(machine, 20)

    families = await collector.collect()

    seconds.append(value(families, "namegroup_cpu_seconds_total", **cpu))
    assert seconds == [5.0, 7.0, 8.0, 8.0]
    assert value(families, "namegroup_num_procs", groupname="job") == 0


async def test_children_without_a_rule_of_their_own_count_to_their_parents(machine: Path) -> None:
    write_process(machine, 30, comm="gunicorn", cmdline="gunicorn shop.app")
    write_process(machine, 31, comm="sh", parent=30)
    write_process(machine, 32, comm="convert", parent=31)
    write_process(machine, 33, comm="stranger", parent=1)
    rules = [Rule("web", cmdline=(r"gunicorn shop\.",))]

    with_children = await ProcessCollector(rules, rootfs=machine).collect()
    without = await ProcessCollector(rules, rootfs=machine, children=False).collect()

    assert value(with_children, "namegroup_num_procs", groupname="web") == 3
    assert value(without, "namegroup_num_procs", groupname="web") == 1


async def test_a_process_that_cannot_be_read_is_counted_and_costs_no_other(machine: Path) -> None:
    write_process(machine, 40, comm="good")
    write_process(machine, 41, comm="bad")
    (machine / "proc/41/stat").write_text("41 (bad) S")

    families = await ProcessCollector(rootfs=machine).collect()

    assert value(families, "namegroup_num_procs", groupname="good") == 1
    assert value(families, "scrape_procread_errors") == 1
    assert value(families, "scrape_errors") == 0


async def test_no_proc_at_all_is_an_error_and_not_an_exception(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    families = await ProcessCollector(rootfs=tmp_path).collect()

    assert value(families, "scrape_errors") == 1
    assert "processes failed" in caplog.text


async def test_this_process_is_found_under_its_own_rule() -> None:
    me = Rule("me", exe=(Path(sys.executable).name,), cmdline=("pytest",))

    families = await ProcessCollector([me], proportional=True).collect()

    assert value(families, "namegroup_num_procs", groupname="me") >= 1
    assert value(families, "namegroup_cpu_seconds_total", groupname="me", mode="user") > 0
    assert value(families, "namegroup_memory_bytes", groupname="me", memtype="proportionalResident") > 1_000_000


@pytest.mark.parametrize(
    ("rule", "group"),
    [
        (Rule(), "python3"),
        (Rule("{{.ExeBase}}"), "python3.11"),
        (Rule("{{ .ExeFull }}"), "/usr/bin/python3.11"),
        (Rule("{{.Username}}/{{.PID}}"), "shop/7"),
        (Rule("x", comm=("python3", "ruby")), "x"),
        (Rule("x", comm=("ruby",)), None),
        (Rule("x", exe=("python3.11",)), "x"),
        (Rule("x", exe=("/usr/bin/python3.11",)), "x"),
        (Rule("x", exe=("/opt/python3.11",)), None),
        (Rule("{{.Matches.app}}", cmdline=("worker", r"-A (?P<app>\w+)")), "orders"),
        (Rule("x", cmdline=("worker", "beat")), None),
        (Rule("x", comm=("python3",), cmdline=("beat",)), None),
        (Rule("{{.Matches.none}}-", cmdline=("worker",)), "-"),
    ],
)
def test_rules_name_groups(rule: Rule, group: str | None) -> None:
    identity = Identity(7, "python3", ("/usr/bin/python3.11", "-m", "celery", "-A", "orders", "worker"), "shop")

    assert group_of(identity, [rule]) == group


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"name": "{{.Colour}}"}, "Colour"),
        ({"cmdline": ("(",)}, "no regular expression"),
        ({"cmdline": ("(?=x)",)}, "no regular expression"),
    ],
)
def test_a_rule_that_is_none_is_refused(rule: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Rule(**rule)  # type: ignore[arg-type]
