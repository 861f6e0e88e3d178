"""Flags, environment and file of a command, as settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sonde.config import Configuration, Settings, load


def read_configuration(file: Path | None, flags: Mapping[str, str | None] | None = None) -> Configuration:
    """The settings of this invocation, with where each came from."""
    return load(file=file, environment=os.environ, flags=flags)


def read_settings(file: Path | None, flags: Mapping[str, str | None] | None = None) -> Settings:
    """The settings of this invocation."""
    return read_configuration(file, flags).settings
