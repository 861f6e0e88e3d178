"""The documentation is true: reference pages are what the code says, links lead somewhere, commands and targets exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from sonde.cli.commands import COMMANDS, GROUPS
from sonde.config.keys import KEYS

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["configuration.md", "cli.md"])
def test_reference_pages_are_what_make_docs_writes(page: str):
    written = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    assert written == load_generator().PAGES[page](), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page: Path):
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_named_exist(page: Path):
    named = set(re.findall(r"(?:`|^)sonde ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= {*COMMANDS, *GROUPS, "run"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_that_are_named_exist(page: Path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_server_variables_that_are_named_exist(page: Path):
    from sonde.sdk.settings import VARIABLES

    known = {key.variable for key in KEYS.values()} | {name for names, _ in VARIABLES.values() for name in names}
    named = set(re.findall(r"\bSONDE_[A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8")))
    given_to_commands = {"SONDE_RESPONSE", "SONDE_RESPONSE_RUN"}
    assert named <= known | {"SONDE_CONFIG", "SONDE_URL"} | given_to_commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_of_the_source_that_are_named_exist(page: Path):
    if "decisions" in page.parts:
        pytest.skip("a record is about its day")
    rooms = "|".join(folder.name for folder in (ROOT / "src" / "sonde").iterdir() if folder.is_dir())
    named = re.findall(rf"`(?:src/sonde/)?((?:{rooms})/[a-z_/]+\.(?:py|sql|proto))`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / "src" / "sonde" / name).exists()] == []


def test_make_alone_lists_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [phony] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_examples_compile_and_use_public_names(page: Path):
    import sonde

    for example in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        compile(example, str(page), "exec")
        assert set(re.findall(r"\bsonde\.([a-z_]+)", example)) <= set(sonde.__all__)
