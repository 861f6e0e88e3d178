"""``python -m sonde.demo.ml_engine``: the recommender's process."""

from __future__ import annotations

from sonde.demo.ml_engine.app import create_app
from sonde.demo.process import begin, serve
from sonde.sdk.configure import configure
from sonde.sdk.instrument import instrument

if __name__ == "__main__":
    settings = begin()
    configure(service="ml-engine", endpoint=settings.sonde)
    app = create_app(settings.seed)
    instrument(app)
    serve(app, settings.listen_fd)
