"""Targets from files in JSON or YAML that other programs write. A change is seen within seconds.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
"""

from __future__ import annotations

import asyncio
import glob
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from sonde.errors import SondeError, UserError
from sonde.receivers.part import Lane
from sonde.receivers.prometheus.discovery.config import FileSdConfig
from sonde.receivers.prometheus.discovery.group_list import target_groups
from sonde.receivers.prometheus.discovery.repeat import Found, Pause, Repeating
from sonde.receivers.prometheus.discovery.target_group import TargetGroup
from sonde.receivers.prometheus.http_identity import Signature, signature
from sonde.receivers.prometheus.yaml_tree import parse_yaml

LOOK_SECONDS: Final = 2.0
"""How often it is looked whether a file has changed."""
LARGEST_FILE_BYTES: Final = 64 * 1024 * 1024


class _Seen(NamedTuple):
    signature: Signature | None
    groups: tuple[TargetGroup, ...]
    failure: str


class _Files:
    """The files that the patterns name, as they were when they were last read."""

    def __init__(self, config: FileSdConfig, clock: Callable[[], float]) -> None:
        self._config, self._clock = config, clock
        self._seen: dict[str, _Seen] = {}
        self._read_at = -1e18
        self._lane = Lane()

    async def ask(self) -> Found:
        """Look at the files, and read those that have changed; all of them if their time has come."""
        return await self._lane.run(self._look)

    def _look(self) -> Found:
        now = self._clock()
        is_due = now - self._read_at >= self._config.refresh_interval / 1000
        if is_due:
            self._read_at = now
        names = sorted({name for pattern in self._config.files for name in glob.glob(str(pattern))})  # noqa: PTH207 - Path.glob skips what it cannot read
        self._seen = {name: self._seen_of(name, again=is_due) for name in names}
        groups = [group for seen in self._seen.values() for group in seen.groups]
        return Found(groups, {name: seen.failure for name, seen in self._seen.items() if seen.failure})

    def _seen_of(self, name: str, *, again: bool) -> _Seen:
        before = self._seen.get(name, _Seen(None, (), ""))
        now: Signature | None = None
        try:
            now = signature(Path(name))
            if now == before.signature and not again:
                return before
            if now[1] > LARGEST_FILE_BYTES:
                raise UserError(f"it is larger than {LARGEST_FILE_BYTES} bytes", code="discovery.file")
            return _Seen(now, read_groups(Path(name)), "")
        except SondeError as error:
            return _Seen(now, before.groups, error.message)
        except OSError as error:
            return _Seen(now, before.groups, error.strerror or str(error))


def read_groups(file: Path) -> tuple[TargetGroup, ...]:
    """The groups of one file.

    Raises:
        UserError: It is not JSON or YAML, or is no list of groups.
        OSError: It cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
        value: Any = json.loads(text) if file.suffix.lower() == ".json" else parse_yaml(text).value
    except UnicodeDecodeError as error:
        raise UserError("it is not UTF-8", code="discovery.file") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"not JSON: {error}", code="discovery.file") from error
    return target_groups(value, source=lambda place: f"{file}:{place}", labels={"__meta_filepath": str(file)})


def file_discovery(
    config: FileSdConfig, *, clock: Callable[[], float] = time.monotonic, pause: Pause = asyncio.sleep
) -> Repeating:
    """The discovery of one ``file_sd_config``."""
    name = ", ".join(map(str, config.files))
    seconds = min(LOOK_SECONDS, config.refresh_interval / 1000 or LOOK_SECONDS)
    return Repeating("file", name, _Files(config, clock).ask, interval_seconds=seconds, pause=pause)
