"""`sonde silence` against a real API of Alertmanager's, side by side with the genuine amtool where it is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Api, Sonde
from tests.cli.entering import entered
from tests.web.alertmanager.serving import serving

TEXT = "{route: {receiver: all, group_wait: 0s}, receivers: [{name: all}]}"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n")
needs_amtool = pytest.mark.skipif(
    shutil.which("amtool") is None, reason="amtool is not installed: apt-get install prometheus-alertmanager"
)


@pytest.fixture
def sonde(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sonde:
    return entered(monkeypatch, capsys)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Sonde, without ``/alertmanager``."""
    with serving(tmp_path_factory.mktemp("state"), TEXT) as (address, _):
        yield address.removesuffix("/alertmanager")


def amtool(url: str, *arguments: str) -> str:
    done = subprocess.run(
        ["amtool", f"--alertmanager.url={url}/alertmanager", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        env={**os.environ, "HOME": "/nonexistent"},
    )
    return done.stdout


def test_a_silence_lives_through_all_its_commands(sonde: Sonde, url: str) -> None:
    made = sonde("silence", "add", "Slow", "pod=~a.*", "-c", "planned", "-a", "me", "-d", "2h", SONDE_URL=url)
    assert UUID.fullmatch(made.stdout), made.stderr
    name = made.stdout.strip()

    shown = sonde("silence", "query", "Slow", SONDE_URL=url).stdout.splitlines()
    assert [line.rstrip().split("  ")[0] for line in shown] == ["ID", name]
    assert 'alertname="Slow" pod=~"a.*"' in shown[1]

    changed = sonde("silence", "update", name, "-d", "3h", "-c", "longer", "-o", "json", SONDE_URL=url)
    [silence] = json.loads(changed.stdout)
    assert (silence["id"], silence["comment"], silence["createdBy"]) == (name, "longer", "me")

    exported = sonde("silence", "query", "Slow", "-o", "json", SONDE_URL=url).stdout
    assert sonde("silence", "expire", name, SONDE_URL=url).returncode == 0
    assert sonde("silence", "query", "-q", "Slow", SONDE_URL=url).stdout == ""
    assert sonde("silence", "query", "-q", "--expired", "--within", "1h", SONDE_URL=url).stdout == f"{name}\n"

    imported = sonde("silence", "import", "--force", SONDE_URL=url, stdin=exported).stdout
    assert UUID.fullmatch(imported)
    assert imported.strip() != name
    assert sonde("silence", "query", "-q", "--id", imported.strip(), SONDE_URL=url).stdout == imported


@needs_amtool
def test_answers_have_amtools_shape(sonde: Sonde, url: str) -> None:
    for arguments in (
        ('job="a b"', "x!=y", "-c", 'a "quoted" comment', "-a", "me", "--end", "2040-01-01T00:00:00+01:00"),
        ("job!~b|c", "-c", "später", "-a", "Zoë", "--start", "2030-01-01T00:00:00Z", "--end", "2030-01-02T00:00:00Z"),
    ):
        assert sonde("silence", "add", *arguments, SONDE_URL=url).returncode == 0
    for arguments in (
        ("-o", "simple"),
        ("-o", "extended"),
        ("-q",),
        ("--created-by", "me"),
        ("--within", "1h"),
    ):
        ours = sonde("silence", "query", *arguments, SONDE_URL=url).stdout
        assert ours == amtool(url, "silence", "query", *arguments)
    ours = sonde("silence", "query", "-o", "json", SONDE_URL=url).stdout
    assert json.loads(ours) == json.loads(amtool(url, "silence", "query", "-o", "json"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add",), "no matchers specified"),
        (("add", "a=b"), "a silence needs a comment"),
        (("add", "a=b", "-c", "c", "-d", "0s"), "silence duration must be greater than 0"),
        (("add", "a=b", "-c", "c", "-d", "1 hour"), 'unknown unit " hour" in duration "1 hour"'),
        (("add", "a=~(", "-c", "c"), "missing closing )"),
        (("add", "a=b", "-c", "c", "--end", "tomorrow"), "--end 'tomorrow' is not a time"),
        (("add", "a=b", "-c", "c", "--start", "2031-01-01T00:00:00Z", "--end", "2030-01-01T00:00:00Z"), "cannot start"),
        (("expire",), "no silence IDs specified"),
        (("expire", "11111111-1111-1111-1111-111111111111"), "there is no silence 11111111"),
        (("expire", "x"), 'must be of type uuid: "x"'),
        (("update", "11111111-1111-1111-1111-111111111111"), "there is no silence 11111111"),
        (("import", "/nowhere/silences.json"), "No such file or directory"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: tuple[str, ...], said: str, sonde: Sonde, url: str) -> None:
    result = sonde("silence", *arguments, SONDE_URL=url)
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr.splitlines()[0]


def test_an_import_goes_on_after_what_is_refused(sonde: Sonde, url: str, tmp_path: Path) -> None:
    good = {"matchers": [{"name": "a", "value": "b", "isRegex": False}], "startsAt": "2030-01-01T00:00:00Z",
            "endsAt": "2030-01-02T00:00:00Z", "createdBy": "me", "comment": "c"}  # fmt: skip
    file = tmp_path / "s.json"
    file.write_text(json.dumps([{**good, "endsAt": "2029-01-01T00:00:00Z"}, good]))
    result = sonde("silence", "import", str(file), SONDE_URL=url)
    assert UUID.fullmatch(result.stdout)
    assert "start time must be before end time" in result.stderr
    assert "couldn't import 1 out of 2 silences" in result.stderr


def test_texts_of_others_cannot_steer_the_terminal(sonde: Sonde, api: Api) -> None:
    silence = {"id": "1", "matchers": [], "endsAt": "2030-01-02T00:00:00Z", "createdBy": "\x1b[2Jgone", "comment": "a\nb",
               "status": {"state": "active"}}  # fmt: skip
    api.answer("/alertmanager/api/v2/silences", [silence])
    shown = sonde("silence", "query", "--server", api.url, "--key", "k", "--tenant", "t").stdout
    assert shown.splitlines()[1] == "1             2030-01-02 00:00:00 UTC  \\x1b[2Jgone  a\\nb     "
    assert (api.asked[0][2]["authorization"], api.asked[0][2]["x-scope-orgid"]) == ("Bearer k", "t")


@pytest.mark.parametrize(
    "answer", [(500, "text/html", b"<h1>no</h1>"), (200, "text/html", b"<h1>ok</h1>"), (200, "application/json", b"{}")]
)
def test_something_else_on_the_port_is_not_taken_for_sonde(
    answer: tuple[int, str, bytes], sonde: Sonde, api: Api
) -> None:
    api.answers["/alertmanager/api/v2/silences"] = answer
    result = sonde("silence", "query", "--server", api.url)
    assert (result.returncode, "and not as Sonde does" in result.stderr) == (2, True)
