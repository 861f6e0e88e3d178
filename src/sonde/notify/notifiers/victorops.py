"""VictorOps, which is Splunk On-Call now.

Specification: https://help.splunk.com/en/splunk-on-call (REST endpoint)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from sonde.notify.configuration.incident import VictorOpsConfig
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch
from sonde.notify.notifiers.additions import CHANGES_TITLE, changes_text, graph_of, links_of
from sonde.notify.notifiers.cut import to_characters
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.secret import revealed
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import json_body

_LONGEST_MESSAGE: Final = 20_480
_LONGEST_NOTE: Final = 1124
_TYPES: Final = frozenset({"INFO", "WARNING", "CRITICAL"})


class VictorOpsNotifier(HttpNotifier[VictorOpsConfig]):
    """``victorops_configs``."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: the state of an entity, which is known by the hash of the group's key."""
        config, words = self.config, self.means.words(batch)
        key = revealed(config.api_key, config.api_key_file, "api_key_file")
        wished = words.text(config.message_type)
        message = {
            "message_type": "RECOVERY" if batch.status == "resolved" else wished if wished in _TYPES else "CRITICAL",
            "entity_id": batch.key_hash,
            "entity_display_name": words.text(config.entity_display_name),
            "state_message": to_characters(words.text(config.state_message), _LONGEST_MESSAGE),
            "monitoring_tool": words.text(config.monitoring_tool),
            **_annotations(batch.context),
            **words.texts(config.custom_fields),
        }
        url = f"{config.api_url}{quote(key)}/{quote(words.text(config.routing_key))}"
        yield Request(url, json_body(message), headers={"content-type": "application/json"}, secrets=(key,))


def _annotations(context: MessageContext) -> dict[str, str]:
    """Links, notes and images beside an incident."""
    found = {f"vo_annotate.u.{link.text}": link.url for link in links_of(context)}
    if changes := changes_text(context, _LONGEST_NOTE):
        found[f"vo_annotate.s.{CHANGES_TITLE}"] = changes
    if graph := graph_of(context):
        found["vo_annotate.i.Graph"] = graph
    return found
