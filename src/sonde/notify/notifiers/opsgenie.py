"""Opsgenie: alerts are created, updated and closed by an alias, which is the hash of the group's key.

Specification: https://docs.opsgenie.com/docs/alert-api
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sonde.notify.configuration.incident import OpsGenieConfig
from sonde.notify.notifier import Batch
from sonde.notify.notifiers.additions import PLAIN, Link, addition, graph_of, links_of
from sonde.notify.notifiers.cut import to_characters
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import Words, json_body, without_empty

_LONGEST_MESSAGE: Final = 130
_LONGEST_DESCRIPTION: Final = 15_000
_LONGEST_SOURCE: Final = 100
_LONGEST_NOTE: Final = 25_000
_LONGEST_CHANGES: Final = 4000
_LONGEST_ENTITY: Final = 512


class OpsGenieNotifier(HttpNotifier[OpsGenieConfig]):
    """``opsgenie_configs``."""

    def requests(self, batch: Batch) -> Iterator[Request]:
        """Close an alert; or create it and, if so wished, bring one that exists up to date."""
        config, words = self.config, self.means.words(batch)
        key = words.secret(config.api_key, config.api_key_file, "api_key")
        alerts = f"{config.api_url}v2/alerts"
        one = f"{alerts}/{batch.key_hash}"
        source = to_characters(words.text(config.source), _LONGEST_SOURCE)

        def request(method: str, url: str, body: dict[str, Any]) -> Request:
            headers = {"content-type": "application/json", "authorization": f"GenieKey {key}"}
            return Request(url, json_body(body), method, headers, secrets=(key,))

        if batch.status == "resolved":
            yield request("POST", f"{one}/close?identifierType=alias", {"source": source})
            return
        message = to_characters(words.text(config.message), _LONGEST_MESSAGE)
        description = to_characters(words.text(config.description), _LONGEST_DESCRIPTION)
        graph = graph_of(batch.context)
        links = (*links_of(batch.context), *([Link("Graph", graph)] if graph else []))
        changes = addition(batch.context, PLAIN, _LONGEST_CHANGES, links=())
        note = "\n\n".join(filter(None, (words.text(config.note), changes)))
        alert = {
            "alias": batch.key_hash,
            "message": message,
            "details": {
                **{link.text: link.url for link in links},
                **words.data.common_labels,
                **words.texts(config.details),
            },
            "source": source,
            **without_empty(
                description=description,
                responders=list(self._responders(words)),
                tags=_list(words.text(config.tags)),
                note=to_characters(note, _LONGEST_NOTE),
                priority=words.text(config.priority),
                entity=to_characters(words.text(config.entity), _LONGEST_ENTITY),
                actions=_list(words.text(config.actions)),
            ),
        }
        yield request("POST", alerts, alert)
        if config.update_alerts:
            yield request("PUT", f"{one}/message?identifierType=alias", without_empty(message=message))
            yield request("PUT", f"{one}/description?identifierType=alias", without_empty(description=description))

    def _responders(self, words: Words) -> Iterator[dict[str, str]]:
        for each in self.config.responders:
            kind = words.text(each.type)
            named = without_empty(
                id=words.text(each.id), name=words.text(each.name), username=words.text(each.username)
            )
            if kind == "teams":
                yield from ({"name": team, "type": "team"} for team in _list(named.get("name", "")))
            elif named:  # one that templates left without a name would make Opsgenie refuse the alert
                yield {**named, "type": kind}


def _list(text: str) -> list[str]:
    return [part for part in text.strip().split(",") if part]
