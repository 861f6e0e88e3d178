"""``python -m sonde.demo.traffic``: the process of the users and the incidents."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from sonde.demo.process import begin
from sonde.demo.traffic.play import play


async def _main() -> None:
    settings = begin()
    playing = asyncio.create_task(
        play(
            backend=settings.backend,
            provider=settings.provider,
            database=settings.data_dir / "shop.sqlite",
            ground_truth=settings.data_dir / "ground-truth.jsonl",
            seed=settings.seed,
            incidents=bool(settings.incidents),
        )
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await playing


if __name__ == "__main__":
    asyncio.run(_main())
