"""Alerts of the demo: rules for a shop with little traffic and short incidents, and a telephone that rings.

Where the telephone can be reached is known only when it runs: the configuration names a file that says it.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Final

from sonde.config.settings import Settings

_URL_FILE: Final = "phone-url"
_CONFIGURATION: Final = f"""\
# Whom the demo tells of alerts: a telephone that writes them to notifications.jsonl. Nobody is told of the watchdog.
route:
  receiver: phone
  group_by: [alertname]
  group_wait: 2s
  group_interval: 10s
  repeat_interval: 4h
  routes:
    - {{receiver: nobody, matchers: [alertname="Watchdog"]}}
receivers:
  - name: phone
    webhook_configs: [{{url_file: {_URL_FILE}}}]
  - name: nobody
"""


def with_alerts(settings: Settings) -> Settings:
    """The settings with the demo's rules and its telephone, as far as they say nothing of their own."""
    changes: dict[str, Any] = {}
    if not (settings.rules.files or settings.rules.packs):
        files = (str(resources.files("sonde.demo").joinpath("rules.yml")),)
        changes["rules"] = settings.rules.model_copy(update={"files": files, "packs": ("all",)})
    if settings.alertmanager.config_file is None:
        folder = settings.data / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "alertmanager.yml").write_text(_CONFIGURATION, encoding="utf-8")
        tell_phone(folder, "http://127.0.0.1:1")
        update = {"config_file": folder / "alertmanager.yml"}
        changes["alertmanager"] = settings.alertmanager.model_copy(update=update)
    return settings.model_copy(update=changes)


def tell_phone(folder: Path, url: str) -> None:
    """Say where the telephone is from now on."""
    (folder / _URL_FILE).write_text(f"{url}/notify\n", encoding="utf-8")
