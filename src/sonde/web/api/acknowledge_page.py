"""``/acknowledge/{token}``: the page behind the link in a message. It shows the alerts and has a button; no log-in.

Only the button acknowledges: programs that look at links in messages, to show a preview or to search for malware, ask
with GET. The page has no script and loads nothing.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from html import escape
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from sonde.errors import NotFound, TooLarge, UserError
from sonde.notify.alert import Alert, alert_order, fingerprint_text
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.acknowledge_link import SECRET_NAME, Claim, read_token
from sonde.notify.response.acknowledgement import Acknowledgement
from sonde.state.alerting import signing_secret
from sonde.web.alertmanager.configured import Configured
from sonde.web.alertmanager.time import time_text
from sonde.web.api.acknowledge import Given, audited, name_of, note
from sonde.web.asking import Around
from sonde.web.surroundings import Surroundings

pages = APIRouter(include_in_schema=False)
_MAX_BODY: Final = 16 << 10
_MAX_NAME: Final = 100
_MAX_COMMENT: Final = 1000
_SHOWN_ALERTS: Final = 50
_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 2rem auto; padding: 0 1rem; }
li { margin: .6rem 0; overflow-wrap: anywhere; }
label { display: block; margin: 1rem 0 .2rem; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; border: 1px solid #777;
  border-radius: 6px; }
button { font: inherit; font-weight: 600; margin-top: 1.2rem; padding: .7rem 1.4rem; border: 0; border-radius: 6px;
  background: #1d4ed8; color: #fff; cursor: pointer; }
:focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
small { opacity: .8; }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}

Claimed = Sequence[tuple[Alert, Acknowledgement | None]]


@pages.get("/acknowledge/{token}")
async def show(token: str, request: Request, around: Around, given: Given) -> HTMLResponse:
    """The alerts that the link is for, and a button. Changes nothing."""
    try:
        claim = await _claim(token, request, around, given)
        return _page(_state_of(await _claimed(claim, given)))
    except UserError as refusal:
        return _refused(refusal)


@pages.post("/acknowledge/{token}")
async def acknowledge(token: str, request: Request, around: Around, given: Given) -> HTMLResponse:
    """Acknowledge those of the alerts that fire and are not acknowledged yet."""
    try:
        claim = await _claim(token, request, around, given)
        fields = await _fields(request)
    except UserError as refusal:
        return _refused(refusal)
    now = given.now()
    name = fields.get("name", "").strip()[:_MAX_NAME] or "somebody with the link"
    comment = fields.get("comment", "").strip()[:_MAX_COMMENT]
    done = await given.alertings.of(claim.tenant).change(_acknowledge, claim, name, comment, now)
    actor = f"{name} (by link)"
    await note(
        around,
        *(audited("alert.acknowledge", fingerprint_text(each), actor, claim.tenant, now, request) for each in done),
    )
    return _page(_state_of(await _claimed(claim, given)))


async def _claim(token: str, request: Request, around: Surroundings, given: Configured) -> Claim:
    # Anybody may ask: the database is not asked each time.
    secret: bytes | None = getattr(request.app.state, "acknowledge_secret", None)
    if secret is None:
        secret = await asyncio.to_thread(signing_secret, around.state, SECRET_NAME)
        request.app.state.acknowledge_secret = secret
    return read_token(token, secret, given.now())


async def _claimed(claim: Claim, given: Configured) -> Claimed:
    return await given.alertings.of(claim.tenant).ask(_alerts, claim, given.now())


def _alerts(pipeline: Pipeline, claim: Claim, now: int) -> Claimed:
    of_group = {each for group in pipeline.groups() if group.key == claim.group_key for each in group.alerts}
    shown = (pipeline.responder.shown(alert) for alert in pipeline.known_alerts())
    claimed = [
        alert
        for alert in shown
        if not alert.resolved_at(now) and claim.covers(alert, is_of_group=alert.fingerprint in of_group)
    ]
    claimed.sort(key=lambda alert: alert_order(alert.labels))
    return [(alert, pipeline.responder.acknowledgement(alert, now)) for alert in claimed]


def _acknowledge(pipeline: Pipeline, claim: Claim, by: str, comment: str, now: int) -> list[int]:
    done = []
    for alert, known in _alerts(pipeline, claim, now):
        if known is None:
            try:
                pipeline.acknowledge(alert.fingerprint, by, comment, now)
            except NotFound:
                continue  # it has ended this very moment
            done.append(alert.fingerprint)
    return done


async def _fields(request: Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise TooLarge(f"a form of more than {_MAX_BODY >> 10} KiB")
    return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=10))


def _state_of(claimed: Claimed) -> tuple[str, str]:
    """Title and content."""
    if not claimed:
        return "Nothing to acknowledge", "<p>The alerts of this link have ended.</p>"
    items = "".join(_item(alert, known) for alert, known in claimed[:_SHOWN_ALERTS])
    more = len(claimed) - _SHOWN_ALERTS
    listed = f"<ul>{items}</ul>" + (f"<p>and {more} more.</p>" if more > 0 else "")
    if all(known for _, known in claimed):
        text = "Escalation has stopped and nobody is reminded. You will be told when it is over."
        return "Acknowledged", f'<p role="status">{text}</p>{listed}'
    count = sum(known is None for _, known in claimed)
    what = "this alert" if count == 1 else f"these {count} alerts"
    form = (
        '<form method="post"><label for="name">Your name (optional)</label>'
        f'<input id="name" name="name" maxlength="{_MAX_NAME}" autocomplete="name">'
        '<label for="comment">What is being done (optional)</label>'
        f'<input id="comment" name="comment" maxlength="{_MAX_COMMENT}" autocomplete="off">'
        f'<button type="submit">Acknowledge {what}</button></form>'
    )
    return f"Acknowledge {what}?", listed + form


def _item(alert: Alert, known: Acknowledgement | None) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in alert.labels if name != "alertname")
    annotations = dict(alert.annotations)
    said = annotations.get("summary") or annotations.get("description") or ""
    since = time_text(alert.starts_at)
    parts = [
        f"<strong>{escape(name_of(alert))}</strong>",
        f"<br>{escape(said)}" if said else "",
        f"<br><small>{escape(labels)}</small>" if labels else "",
        f'<br><small>since <time datetime="{since}">{since[:16].replace("T", " ")} UTC</time></small>',
    ]
    if known:
        comment = f": {escape(known.comment)}" if known.comment else ""
        parts.append(f"<br><small>acknowledged by {escape(known.by)}{comment}</small>")
    return f"<li>{''.join(parts)}</li>"


def _page(content: tuple[str, str], status_code: int = 200) -> HTMLResponse:
    title, body = content
    return HTMLResponse(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Sonde</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>\n",
        status_code,
        _HEADERS,
    )


def _refused(refusal: UserError) -> HTMLResponse:
    message = refusal.message[:1].upper() + refusal.message[1:]
    hint = f"<p>{escape(refusal.hint[:1].upper() + refusal.hint[1:])}.</p>" if refusal.hint else ""
    return _page((message, hint), refusal.http_status)
