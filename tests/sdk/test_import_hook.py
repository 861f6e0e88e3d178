"""Actions run once their module is there, and never break an import."""

from __future__ import annotations

import importlib
import sys

import pytest

from sonde.sdk.guard import failures
from sonde.sdk.import_hook import when_imported

pytestmark = pytest.mark.usefixtures("clean_process")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Make a module that can be imported, and forget it afterwards."""

    def make(name: str, source: str = "value = 1") -> str:
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield make
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_an_action_waits_for_the_import_and_its_change_is_what_the_importer_sees(module):
    name = module("sonde_probe_a")
    when_imported(name, lambda: setattr(sys.modules[name], "value", 2))
    assert name not in sys.modules
    exec(f"from {name} import value\nassert value == 2")


def test_an_action_runs_at_once_when_the_module_is_there():
    seen = []
    when_imported("sys", lambda: seen.append(1))
    assert seen == [1]


def test_a_failing_action_does_not_break_the_import(module):
    name = module("sonde_probe_b")
    when_imported(name, lambda: 1 / 0)
    assert importlib.import_module(name).value == 1
    assert failures() == {f"sdk.import.{name}": 1}


def test_the_module_keeps_its_own_loader(module):
    name = module("sonde_probe_c")
    when_imported(name, lambda: None)
    loaded = importlib.import_module(name)
    assert type(loaded.__loader__).__name__ == type(loaded.__spec__.loader).__name__ == "SourceFileLoader"


def test_an_action_that_imports_another_waited_for_module_is_finished_first(module):
    order = []
    outer, inner = module("sonde_probe_d"), module("sonde_probe_e")

    def act():
        importlib.import_module(inner)
        order.append("outer")

    when_imported(outer, act)
    when_imported(inner, lambda: order.append("inner"))
    importlib.import_module(outer)
    assert order == ["outer", "inner"]


def test_a_module_that_does_not_exist_still_does_not():
    when_imported("sonde_no_such_module", lambda: None)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("sonde_no_such_module")
