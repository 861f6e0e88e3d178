from __future__ import annotations

from pathlib import Path

import pytest
from tests.receivers.machine import unpack


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The files of a small machine."""
    return unpack(Path(__file__).parent / "fixtures/machine.txt", tmp_path / "root")
