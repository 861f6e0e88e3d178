"""`sonde doctor`: each trouble is found and comes with a cure."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from tests.cli.conftest import Api, Sonde

from sonde.cli import checks
from sonde.config import load
from sonde.store import cpu
from sonde.store.lock import DirectoryLock


def test_a_good_machine_passes(sonde: Sonde, tmp_path: Path):
    result = sonde("doctor", "--data", str(tmp_path / "new"))
    assert result.returncode == 0, result.stdout
    assert "Sonde can run here." in result.stdout


def test_something_bad_is_exit_code_1_with_its_cure(sonde: Sonde, tmp_path: Path):
    (tmp_path / "file").write_text("")
    result = sonde("doctor", "--data", str(tmp_path / "file" / "data"))
    assert result.returncode == 1
    assert f"BAD   data          {tmp_path / 'file'} is not a folder" in result.stdout
    assert "→ name another with --data or SONDE_DATA" in result.stdout


def test_a_port_in_use_is_a_warning():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        findings = list(checks.check_ports(load(flags={"listen": address}).settings))
    assert (findings[0].verdict, findings[0].detail) == ("warning", f"listen {address}: address already in use")


def test_a_data_directory_in_use_is_told_with_its_process(tmp_path: Path):
    settings = load(flags={"data": str(tmp_path)}).settings
    lock = DirectoryLock(tmp_path)
    findings = [next(checks.check_data(settings))]
    lock.release()
    findings.append(next(checks.check_data(settings)))
    assert [(finding.verdict, finding.detail) for finding in findings] == [
        ("warning", f"{tmp_path} is in use by another Sonde (process {os.getpid()})"),
        ("good", f"{tmp_path} is free"),
    ]


def test_a_processor_without_avx2_is_found_before_the_engine_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nflags : fpu sse4_2\n")
    monkeypatch.setattr(cpu, "CPUINFO", cpuinfo)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    [finding] = checks.check_processor(load().settings)
    assert (finding.verdict, "AVX2" in finding.detail) == ("bad", True)
    with pytest.raises(cpu.UserError, match="no AVX2"):
        cpu.require_avx2()


def test_a_server_elsewhere_needs_no_avx2():
    settings = load(flags={"store.engine": "server", "store.url": "http://127.0.0.1:8123"}).settings
    assert list(checks.check_processor(settings)) == []


@pytest.mark.parametrize(("answer", "verdict"), [(b"Ok.\n", "good"), (b"<html>", "bad"), (None, "bad")])
def test_a_clickhouse_server_that_does_not_answer_is_found(api: Api, answer: bytes | None, verdict: str):
    if answer is not None:
        api.answers["/ping"] = (200, "text/plain", answer)
    settings = load(flags={"store.engine": "server", "store.url": api.url}).settings
    assert [finding.verdict for finding in checks.check_server(settings)] == [verdict]


@pytest.mark.parametrize(
    ("flags", "verdict"),
    [
        ({}, "good"),
        ({"listen": "0.0.0.0:3000"}, "warning"),
        ({"listen": "0.0.0.0:3000", "api_key": "k"}, "good"),
    ],
)
def test_a_door_that_is_open_to_others_is_found(flags: dict[str, str], verdict: str):
    assert [finding.verdict for finding in checks.check_open_door(load(flags=flags).settings)] == [verdict]


@pytest.mark.parametrize(("memory", "verdict"), [("1MiB", "good"), ("1000TiB", "warning")])
def test_an_engine_that_may_take_more_than_there_is_is_found(memory: str, verdict: str):
    assert [finding.verdict for finding in checks.check_memory(load(flags={"engine.memory": memory}).settings)] == [
        verdict
    ]
