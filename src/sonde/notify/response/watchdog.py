"""The section ``watchdogs`` of the response file: dead-man's switches, both ways.

```yaml
watchdogs:
  - {name: outside, ping: {url_file: ping-url}, every: 1m}
  - {name: nightly-backup, expect: {matchers: ['job="backup"'], within: 26h}, receivers: [ops]}
  - {name: mail-import, expect: {within: 10m}}
```

``ping``: we call a URL while the whole chain from data to alert works. ``expect``: an alert with these matchers, or
``POST /api/v1/heartbeat/{name}``, must come within this time, else an alert fires. ``notify.watchdog`` does both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import yaml

from sonde.notify.matchers import Matchers
from sonde.notify.response.section import read_duration, read_file, read_matchers, read_name, wrong
from sonde.rules.yaml_node import Decoder
from sonde.telemetry.labels import Labels, labels_of

_SECOND: Final = 10**9
_DAY: Final = 86_400 * _SECOND
_KEYS: Final = {"name", "ping", "every", "expect", "receivers", "labels"}
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
WATCHDOG: Final = "watchdog"
"""The label that names the watchdog in its alert."""


@dataclass(frozen=True, slots=True)
class Ping:
    """We tell somebody outside that we live."""

    name: str
    url_file: Path
    every: int = 60 * _SECOND
    method: Literal["GET", "POST"] = "GET"


@dataclass(frozen=True, slots=True)
class Expectation:
    """Something that must come again and again."""

    name: str
    within: int
    matchers: Matchers = ()
    """Which alerts count as having come; without any, only the heartbeat counts."""
    receivers: tuple[str, ...] = ()
    """Who is told; without any, whom the routes say."""
    labels: Labels = (("severity", "critical"),)
    """Labels of the alert, beside its name."""

    @property
    def alert_name(self) -> str:
        """What the alert is called that says it has not come.

        >>> Expectation("nightly-backup", 1, matchers=("any",)).alert_name, Expectation("mail", 1).alert_name
        ('MissingNightlyBackup', 'HeartbeatMissing')
        """
        if not self.matchers:
            return "HeartbeatMissing"
        return "Missing" + "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", self.name))

    @property
    def alert_labels(self) -> Labels:
        """The labels of that alert."""
        return labels_of({**dict(self.labels), "alertname": self.alert_name, WATCHDOG: self.name})


@dataclass(frozen=True, slots=True)
class Watchdogs:
    """The switches of both ways, in the order of the file."""

    pings: tuple[Ping, ...] = ()
    expectations: tuple[Expectation, ...] = ()


def read_watchdogs(node: yaml.Node | None, decoder: Decoder, *, directory: Path) -> Watchdogs:
    """The section ``watchdogs``. What is wrong goes to ``decoder.problems``.

    >>> decoder = Decoder()
    >>> found = read_watchdogs(yaml.compose("[{name: mail, expect: {within: 10m}}]"), decoder, directory=Path())
    >>> found.expectations[0].within // 10**9, decoder.problems
    (600, [])
    """
    taken: set[str] = set()

    def watchdog(item: yaml.Node) -> Ping | Expectation | None:
        found = decoder.mapping(item, "watchdog", dict.fromkeys(_KEYS))
        name = read_name(decoder, found, item, taken)
        taken.add(name)
        if ("ping" in found) == ("expect" in found):
            wrong(decoder, item, "a watchdog either has ping or expect")
            return None
        allowed = {"name", "ping", "every"} if "ping" in found else {"name", "expect", "receivers", "labels"}
        for key in found.keys() - allowed:
            wrong(decoder, found[key], f"{key} says nothing here")
        return _ping(decoder, name, found, item, directory) if "ping" in found else _expected(decoder, name, found)

    read = decoder.items(node, "[]watchdog", watchdog)
    return Watchdogs(
        tuple(each for each in read if isinstance(each, Ping)),
        tuple(each for each in read if isinstance(each, Expectation)),
    )


def _ping(decoder: Decoder, name: str, found: dict[str, yaml.Node], item: yaml.Node, directory: Path) -> Ping | None:
    keys = decoder.mapping(found["ping"], "ping", {"url_file": None, "method": None})
    file = read_file(decoder, keys, "url_file", found["ping"], directory)
    method = decoder.text(keys.get("method")) or "GET"
    if method not in {"GET", "POST"}:
        wrong(decoder, keys["method"], f'method is GET or POST, not "{method}"')
    every = read_duration(decoder, found, "every", item, default=60 * _SECOND, least=_SECOND, most=_DAY)
    if file is None:
        return None
    return Ping(name, file, every, "POST" if method == "POST" else "GET")


def _expected(decoder: Decoder, name: str, found: dict[str, yaml.Node]) -> Expectation:
    node = found["expect"]
    keys = decoder.mapping(node, "expect", {"matchers": None, "within": None})
    labels = decoder.texts(found.get("labels"))
    for label in labels:
        if not _LABEL.fullmatch(label) or label in {"alertname", WATCHDOG}:
            wrong(decoder, found["labels"], f'"{label}" cannot be a label here')
    matchers = read_matchers(decoder, keys.get("matchers"))
    if "matchers" in keys and not matchers:
        wrong(decoder, keys["matchers"], "matchers are empty; leave them out to expect a heartbeat")
    return Expectation(
        name=name,
        within=read_duration(decoder, keys, "within", node, default=0, least=10 * _SECOND, most=400 * _DAY),
        matchers=matchers,
        receivers=decoder.items(found.get("receivers"), "[]string", decoder.text),
        labels=labels_of({"severity": "critical", **labels}),
    )
