"""What runs beside the server in threads of its own for as long as it runs, such as the demo."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sonde.errors import SondeError


class Beside(Protocol):
    """Something that runs beside the server for as long as it runs, in a thread of its own: the demo."""

    def __call__(
        self,
        server_endpoint: str,
        data_dir: Path,
        *,
        ui_url: str,
        stop: threading.Event,
        say: Callable[[str], None],
    ) -> None:
        """Run until ``stop`` is set."""
        ...


@contextlib.contextmanager
def companions(asked: Sequence[Beside], data: Path, endpoint: str, ui_url: str, stop: asyncio.Event) -> Iterator[None]:
    """Run companions in threads; one that fails stops the server."""
    loop = asyncio.get_running_loop()
    ending = threading.Event()

    def run(companion: Beside) -> None:
        try:
            companion(endpoint, data, ui_url=ui_url, stop=ending, say=_say)
        except SondeError as error:
            _say(str(error))
            loop.call_soon_threadsafe(stop.set)

    threads = [threading.Thread(target=run, args=(companion,), name="sonde-beside") for companion in asked]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what a person who started us by hand reads
