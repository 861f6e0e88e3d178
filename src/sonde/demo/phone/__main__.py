"""``python -m sonde.demo.phone``: the telephone's process."""

from __future__ import annotations

from sonde.demo.phone.app import create_app
from sonde.demo.process import begin, serve

if __name__ == "__main__":
    settings = begin()
    serve(create_app(settings.data_dir / "notifications.jsonl"), settings.listen_fd)
