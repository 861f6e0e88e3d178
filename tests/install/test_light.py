"""`pip install sonde` in an empty environment: light, quick, and clear about what it lacks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    "chdb",
    "clickhouse_connect",
    "fastapi",
    "starlette",
    "uvicorn",
    "grpc",
    "numpy",
    "pandas",
    "pydantic",
    "sqlalchemy",
    "typer",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare virtual environment's bin folder, with the wheel built from this tree and its dependencies."""
    folder = tmp_path_factory.mktemp("light")
    source = folder / "source"
    shutil.copytree(
        ROOT,
        source,
        ignore=shutil.ignore_patterns(".venv", ".git", "node_modules", "__pycache__", ".sonde", "tests", "frontend"),
    )
    venv.create(folder / "venv", with_pip=True)
    pip = [
        folder / "venv" / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--constraint",
        ROOT / "constraints.txt",
    ]
    subprocess.run([*pip, source], check=True)
    return folder / "venv" / "bin"


def python(environment: Path, code: str) -> str:
    command = [environment / "python", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout


def test_none_of_the_heavy_packages_is_installed(environment: Path):
    code = f"from importlib.util import find_spec; import json; print(json.dumps([n for n in {HEAVY} if find_spec(n)]))"
    assert json.loads(python(environment, code)) == []


def test_import_is_quick(environment: Path):
    code = "import time; start = time.perf_counter(); import sonde; print(time.perf_counter() - start)"
    python(environment, code)
    assert min(float(python(environment, code)) for _ in range(3)) < 1.0


def test_a_service_can_be_configured_and_run(environment: Path, tmp_path: Path):
    code = "import sonde; sonde.configure(service='light', endpoint='http://127.0.0.1:1'); print('up')"
    assert "up" in python(environment, code)
    (tmp_path / "app.py").write_text("print('ran')")
    command = [environment / "sonde", "run", "--service", "light", "--", environment / "python", tmp_path / "app.py"]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"SONDE_ENDPOINT": "http://127.0.0.1:1"}
    )
    assert (ran.returncode, "ran" in ran.stdout) == (0, True), ran.stderr


def test_a_command_of_the_server_says_what_to_install(environment: Path):
    result = subprocess.run([environment / "sonde", "serve"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "pip install 'sonde[server]'" in result.stderr


def test_the_interpreter_is_the_one_of_the_tests(environment: Path):
    assert python(environment, "import sys; print(sys.version_info[:2])").strip() == str(sys.version_info[:2])
