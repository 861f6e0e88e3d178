"""Runs an action once a module has been imported: now if it is there already, else right behind its import.

So ``instrument`` and the log capture cost nothing for libraries that a program never uses, and work whether they are
called before or after the program's own imports. The importer of ``from fastapi import FastAPI`` sees what the action
has changed.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from sonde.sdk.guard import guard

_waiting: dict[str, list[Callable[[], None]]] = {}
_thread = threading.local()


def when_imported(module: str, action: Callable[[], None]) -> None:
    """Run ``action`` after ``module`` has been imported, at once if it has been. Its failures are contained."""
    present = sys.modules.get(module)
    if present is not None and not getattr(getattr(present, "__spec__", None), "_initializing", False):
        _run(module, [action])
        return
    _waiting.setdefault(module, []).append(action)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def forget() -> None:
    """Drop all actions that still wait."""
    _waiting.clear()
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)


def _run(module: str, actions: Sequence[Callable[[], None]]) -> None:
    """Run actions, one after another: an action that imports a module with actions of its own is finished first."""
    queue: list[tuple[str, Callable[[], None]]] | None = getattr(_thread, "queue", None)
    if queue is not None:
        queue.extend((module, action) for action in actions)
        return
    _thread.queue = queue = [(module, action) for action in actions]
    try:
        while queue:
            name, action = queue.pop(0)
            with guard(f"sdk.import.{name}"):
                action()
    finally:
        _thread.queue = None


class _Finder(MetaPathFinder):
    """Finds nothing itself: asks the other finders, and puts its loader around theirs."""

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname not in _waiting or getattr(_thread, "looking", None) == fullname:
            return None
        _thread.looking = fullname
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            _thread.looking = None
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    def __init__(self, real: Loader) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._real
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        self._real.exec_module(module)
        _run(module.__name__, _waiting.pop(module.__name__, []))


_FINDER = _Finder()
