"""``python -m sonde.demo.provider``: the provider's process."""

from __future__ import annotations

from sonde.demo.process import begin, serve
from sonde.demo.provider.app import create_app

if __name__ == "__main__":
    settings = begin()
    serve(create_app(settings.seed), settings.listen_fd)
