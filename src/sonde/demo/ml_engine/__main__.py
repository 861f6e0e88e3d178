"""``python -m sonde.demo.ml_engine``: the recommender's process."""

from __future__ import annotations

from sonde.demo.process import begin, serve
from sonde.sdk.configure import configure
from sonde.sdk.instrument import instrument


def _main() -> None:
    settings = begin()
    configure(service="ml-engine", endpoint=settings.sonde)
    instrument()
    from sonde.demo.ml_engine.app import create_app

    serve(create_app(settings.seed), settings.listen_fd)


if __name__ == "__main__":
    _main()
