"""``python -m sonde.demo.backend_api``: the shop's process."""

from __future__ import annotations

from sonde.demo.backend_api.app import create_app
from sonde.demo.process import begin, serve
from sonde.sdk.configure import configure
from sonde.sdk.instrument import instrument

if __name__ == "__main__":
    settings = begin()
    configure(service="backend-api", endpoint=settings.sonde)
    app = create_app(
        database=settings.data_dir / "shop.sqlite",
        provider=settings.provider,
        ml_engine=settings.ml_engine,
        seed=settings.seed,
    )
    instrument(app)
    serve(app, settings.listen_fd)
