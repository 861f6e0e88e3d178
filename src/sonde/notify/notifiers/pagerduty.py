"""PagerDuty: Events API v2, and v1 for those who still have a ``service_key``.

Specification: https://developer.pagerduty.com/docs/send-alert-event
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from sonde.errors import UserError
from sonde.notify.configuration.incident import PagerdutyConfig
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch, Result
from sonde.notify.notifiers.additions import IMAGE_TITLE, changes_text, graph_of, links_of
from sonde.notify.notifiers.answer import Answer, judged
from sonde.notify.notifiers.cut import to_characters
from sonde.notify.notifiers.http_client import Request
from sonde.notify.notifiers.service import HttpNotifier
from sonde.notify.notifiers.words import Words, json_body, without_empty

V1_URL: Final = "https://events.pagerduty.com/generic/2010-04-15/create_event.json"
_LONGEST_SUMMARY: Final = 1024
_LARGEST_EVENT_BYTES: Final = 512_000
_LONGEST_CHANGES: Final = 4000
_TOO_LARGE: Final = {
    "error": "Custom details have been removed because the original event exceeds the maximum size of 512KB"
}


class PagerdutyNotifier(HttpNotifier[PagerdutyConfig]):
    """``pagerduty_configs``. An incident is known by the hash of its group's key."""

    @property
    def _is_v1(self) -> bool:
        return bool(self.config.service_key or self.config.service_key_file)

    def requests(self, batch: Batch) -> Iterator[Request]:
        """One: an event that triggers or resolves."""
        words = self.means.words(batch)
        action = "trigger" if batch.status == "firing" else "resolve"
        details = words.texts(self.config.details)
        if changes := changes_text(batch.context, _LONGEST_CHANGES):
            details.setdefault("changes", changes)
        if self._is_v1:
            key = words.secret(self.config.service_key, self.config.service_key_file, "service_key")
            url, what = V1_URL, "service key"
            body = json_body(self._v1(batch, words, action, key, details))
            if len(body) > _LARGEST_EVENT_BYTES:
                body = json_body(self._v1(batch, words, action, key, _TOO_LARGE))
        else:
            key = words.secret(self.config.routing_key, self.config.routing_key_file, "routing_key")
            url, what = self.config.url or "", "routing key"
            body = json_body(self._v2(batch, words, action, key, details))
            if len(body) > _LARGEST_EVENT_BYTES:
                body = json_body(self._v2(batch, words, action, key, _TOO_LARGE))
        if not key:
            raise UserError(f"{what} cannot be empty", code="notify.secret")
        yield Request(url, body, headers={"content-type": "application/json"}, secrets=(key,))

    def _v2(self, batch: Batch, words: Words, action: str, key: str, details: dict[str, str]) -> dict[str, Any]:
        config = self.config
        images = [
            {"src": words.text(each.src), "alt": words.text(each.alt), "href": words.text(each.href)}
            for each in config.images
        ]
        links = [{"href": words.text(each.href), "text": words.text(each.text)} for each in config.links]
        links += [{"href": link.url, "text": link.text} for link in links_of(batch.context)]
        images += [{"src": graph, "alt": IMAGE_TITLE, "href": graph} for graph in _graphs(batch.context)]
        return {
            "routing_key": key,
            "dedup_key": batch.key_hash,
            "event_action": action,
            "payload": {
                "summary": to_characters(words.text(config.description), _LONGEST_SUMMARY),
                "source": words.text(config.source),
                "severity": words.text(config.severity) or "error",
                **without_empty(
                    **{"class": words.text(config.class_)},
                    component=words.text(config.component),
                    group=words.text(config.group),
                    custom_details=details,
                ),
            },
            **without_empty(
                client=words.text(config.client),
                client_url=words.text(config.client_url),
                images=[image for image in images if image["src"]],
                links=[link for link in links if link["href"]],
            ),
        }

    def _v1(self, batch: Batch, words: Words, action: str, key: str, details: dict[str, str]) -> dict[str, Any]:
        event = {
            "service_key": key,
            "incident_key": batch.key_hash,
            "event_type": action,
            "description": to_characters(words.text(self.config.description), _LONGEST_SUMMARY),
            "details": details,
        }
        if action == "trigger":
            contexts = [{"type": "link", "href": link.url, "text": link.text} for link in links_of(batch.context)]
            contexts += [{"type": "image", "src": graph, "href": graph} for graph in _graphs(batch.context)]
            event |= without_empty(
                client=words.text(self.config.client),
                client_url=words.text(self.config.client_url),
                contexts=contexts,
            )
        return event

    def judge(self, answer: Answer) -> Result:
        """Only what PagerDuty says of a bad request is worth showing; v1 limits rates with 403."""
        said = answer.json() if answer.status == 400 else None
        details = ""
        if isinstance(said, dict):
            faults = said.get("errors") or ()
            details = f"{said.get('message', '')}: {','.join(map(str, faults))}"
        retried: Collection[int] = (403,) if self._is_v1 else ()
        return judged(answer, self.means.now(), retried=retried, details=details)


def _graphs(context: MessageContext) -> Iterator[str]:
    """PagerDuty shows images over https only."""
    graph = graph_of(context)
    if graph.startswith("https://"):
        yield graph
