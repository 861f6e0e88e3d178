"""Signed addresses of graphs, for services that fetch images themselves.

A token holds the whole outline of a graph, so nothing is kept for it here; without our key nobody can ask for another
expression or tenant. It can be read by whoever has it, and ends after a week.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable
from typing import Any, Final

from sonde.errors import NotFound
from sonde.notify.context.graph import MAX_SERIES, Outline
from sonde.notify.context.graph_plan import Threshold
from sonde.notify.context.links import MAX_URL, is_public
from sonde.telemetry.labels import labels_of

LIFETIME_SECONDS: Final = 7 * 86_400
_SIGNATURE: Final = 16
_MAX_CONTENT: Final = 64 << 10
_VERSION: Final = 1
_PURPOSE: Final = b"sonde alert graph"


class GraphLinks:
    """Makes and reads the addresses.

    Args:
        external_url: Under which address people reach us. Without one that others can reach, there are no links.
        secret: A key of this installation; what is signed here is good for nothing else that it signs.
        now: The time, in nanoseconds.
    """

    def __init__(self, external_url: str, secret: bytes, now: Callable[[], int]) -> None:
        self._base = external_url.rstrip("/") if is_public(external_url) else ""
        self._key = hmac.digest(secret, _PURPOSE, hashlib.sha256)
        self._now = now

    def url(self, outline: Outline) -> str:
        """The address of a graph; "" if nobody outside could follow it, or it would be too long.

        >>> GraphLinks("http://127.0.0.1:3000", b"key", lambda: 0).url(Outline("default", "Down", "up", 0))
        ''
        """
        if not self._base:
            return ""
        url = f"{self._base}/alert-graph/{self.token(outline)}.png"
        return url if len(url) <= MAX_URL else ""

    def token(self, outline: Outline) -> str:
        """A graph as a signed text."""
        content: dict[str, Any] = {
            "v": _VERSION,
            "until": self._now() // 10**9 + LIFETIME_SECONDS,
            "tenant": outline.tenant,
            "title": outline.title,
            "expr": outline.expression,
            "end": outline.end,
            "span": outline.span,
            "step": outline.step,
            "since": outline.since,
            "alerts": [dict(labels) for labels in outline.alerts],
        }
        if outline.threshold is not None:
            content["threshold"] = [outline.threshold.operator, outline.threshold.value]
        packed = zlib.compress(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode(), 9)
        return base64.urlsafe_b64encode(self._signature(packed) + packed).rstrip(b"=").decode()

    def read(self, token: str) -> Outline:
        """The graph of a token.

        Raises:
            NotFound: We have not signed it, or it has ended.

        >>> links = GraphLinks("https://sonde.example.org", b"key", lambda: 0)
        >>> links.read(links.token(Outline("default", "Down", "up", 0))).expression
        'up'
        >>> GraphLinks("https://sonde.example.org", b"another", lambda: 0).read(links.token(Outline("a", "b", "up", 0)))
        Traceback (most recent call last):
        sonde.errors.NotFound: there is no such graph; its link may have been cut off [graph.link]
        """
        packed = self._checked(token)
        unpacking = zlib.decompressobj()
        content = json.loads(unpacking.decompress(packed, _MAX_CONTENT))
        if content["v"] != _VERSION or content["until"] < self._now() // 10**9:
            raise NotFound("this link has ended", code="graph.link", hint="open the alert in Sonde")
        threshold = content.get("threshold")
        return Outline(
            tenant=content["tenant"],
            title=content["title"],
            expression=content["expr"],
            end=content["end"],
            threshold=Threshold(*threshold) if threshold else None,
            alerts=tuple(labels_of(labels) for labels in content["alerts"][:MAX_SERIES]),
            since=content["since"],
            span=content["span"],
            step=content["step"],
        )

    def _checked(self, token: str) -> bytes:
        nobody = NotFound("there is no such graph", code="graph.link", hint="its link may have been cut off")
        if len(token) > MAX_URL:
            raise nobody
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise nobody from None
        signature, packed = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._signature(packed)):
            raise nobody
        return packed

    def _signature(self, packed: bytes) -> bytes:
        return hmac.digest(self._key, packed, hashlib.sha256)[:_SIGNATURE]
