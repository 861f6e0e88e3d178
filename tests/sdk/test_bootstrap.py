"""``sonde run``: the same command, traced."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sonde.errors import NotFound, UserError
from sonde.sdk import bootstrap

APP = """
import sys
from fastapi import FastAPI
from starlette.testclient import TestClient

app = FastAPI()

@app.get("/hello")
def hello():
    return {}

if __name__ == "__main__":
    print(TestClient(app).get("/hello").status_code, *sys.argv[1:])
"""


@pytest.mark.parametrize("command", [["python", "shop_app.py", "x"], ["sh", "-c", "exec python -m shop_app x"]])
def test_a_program_is_set_up_without_a_change_to_it(sink, tmp_path, command):
    (tmp_path / "shop_app.py").write_text(APP)
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.theirs = True\n")
    done = subprocess.run(
        [sys.executable, "-c", f"from sonde.sdk.bootstrap import run; run({command!r}, 'shop')"],
        env={"PATH": os.environ["PATH"], "SONDE_ENDPOINT": sink.url, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "200 x" in done.stdout
    (span,) = sink.spans
    assert span.name == "GET /hello"
    assert span.resource["service.name"] == "shop"


def test_another_sitecustomize_on_the_path_still_runs(python, sink, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.theirs = True\n")
    path = os.pathsep.join([bootstrap._SITE, str(tmp_path)])
    done = python(
        "print(theirs, __import__('sonde.sdk.configure').sdk.configure.active() is not None)",
        environ={"PYTHONPATH": path, "SONDE_RUN": "1"},
    )
    assert (done.out, done.err) == ("True True\n", "")


def test_a_python_without_sonde_says_so_and_goes_on(python):
    program = "print('still runs')"
    done = python(
        program,
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {bootstrap._SITE!r}); import sitecustomize; {program}",
        environ={"SONDE_RUN": "1"},
    )
    assert done.code == 0
    assert "still runs" in done.out
    assert "sonde run: this Python has no Sonde" in done.err


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [([], UserError, "no command to run"), (["no-such-program"], NotFound, "there is no command 'no-such-program'")],
)
def test_what_cannot_be_run_is_said(command, error, message):
    with pytest.raises(error, match=message):
        bootstrap.run(command)


def test_running_inside_a_run_does_not_pile_up():
    once = bootstrap.prepared({"PATH": "/bin", "PYTHONPATH": "src"}, "shop")
    assert bootstrap.prepared(once, None) == once
