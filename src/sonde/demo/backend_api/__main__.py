"""``python -m sonde.demo.backend_api``: the shop's process."""

from __future__ import annotations

import os
from pathlib import Path

from sonde.demo.process import begin, serve
from sonde.sdk.configure import configure
from sonde.sdk.instrument import instrument


def _main() -> None:
    settings = begin()
    configure(service="backend-api", endpoint=settings.sonde)
    instrument()
    # Imported only now, so that what it takes from its libraries by name (``create_engine``) is instrumented.
    from sonde.demo.backend_api.app import create_app

    os.chdir(settings.data_dir)  # so that spans call the database shop.sqlite, wherever it lies
    app = create_app(
        database=Path("shop.sqlite"),
        provider=settings.provider,
        ml_engine=settings.ml_engine,
        seed=settings.seed,
    )
    serve(app, settings.listen_fd)


if __name__ == "__main__":
    _main()
