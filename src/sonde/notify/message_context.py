"""What a message says beside its alerts: where to acknowledge, what the expression did, what has changed.

Made once for a ``Batch`` just before it is sent, shown by each notifier in the form that its service has for it.
Alertmanager's own payloads and templates know nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MessageContext:
    """All of it may be missing."""

    acknowledge_url: str = ""
    """A signed link to a page with a button; nobody has to log in. "" when nothing fires."""
    silence_url: str = ""
    """Our page with a silence for the group's labels filled in."""
    runbook_url: str = ""
    graph_png: bytes = b""
    """The expression over the last hour, with the threshold where there is one; 640 by 240 pixels."""
    graph_url: str = ""
    """The same as a signed link, for services that fetch images themselves; "" if nobody outside can reach us."""
    changes: tuple[str, ...] = ()
    """Lines in plain text: what changed shortly before, and which labels contribute most."""
