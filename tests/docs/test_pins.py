"""constraints.txt pins what pyproject.toml asks for, and says nothing about where it came from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PINS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_requirement_is_pinned_to_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *(r for rs in extras.values() for r in rs),
    ]
    names = {normalised(re.split(r"[\[<>=!~; ]", requirement)[0]) for requirement in wanted} - {"sonde"}
    pinned = {normalised(name) for name in re.findall(r"^([\w.-]+)==\S+", PINS, re.MULTILINE)}
    assert names - pinned == set(), "run `make lock`"


def test_pins_are_exact_and_name_no_address():
    lines = [line for line in PINS.splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.+!-]+( ; .*)?", line)] == []
    assert "://" not in PINS


def test_the_instrument_extra_has_what_the_sdk_can_switch_on():
    from sonde.sdk.instrument import LIBRARIES

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extra = {
        re.split(r"[<>=]", requirement)[0] for requirement in project["project"]["optional-dependencies"]["instrument"]
    }
    assert extra == {library.package for library in LIBRARIES}
