"""``/session``: a key typed into the login page becomes a cookie, and is forgotten again."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from sonde.errors import SondeError, Unauthorized
from sonde.state.sessions import SESSION_SECONDS, close_session, open_session
from sonde.web.asking import Around, peer, sql_caller
from sonde.web.auth import SESSION_COOKIE, require_same_origin, session_cookie

router = APIRouter(prefix="/session", tags=["session"])


class Login(BaseModel):
    """An API key."""

    key: Annotated[str, Field(min_length=1, max_length=500)]


@router.get("")
async def session(request: Request, around: Around) -> dict[str, Any]:
    """Who this browser is, and whether it has to say so."""
    required = not around.authenticator.is_open
    try:
        caller = await sql_caller(request)
    except SondeError:
        return {"authenticated": False, "required": required, "tenant": None, "role": None}
    role = caller.identity.role.name.lower()
    named = {"name": caller.identity.name} if required else {}
    return {"authenticated": True, "required": required, "tenant": caller.tenant, "role": role, **named}


@router.post("")
async def log_in(request: Request, response: Response, around: Around, login: Login) -> dict[str, Any]:
    """Begin a session: sets an HttpOnly cookie for thirty days."""
    require_same_origin(request.method, request.headers)
    key = around.keyring.find(login.key.strip())
    if key is None:
        around.authenticator.note_failure(peer(request))
        await asyncio.sleep(around.authenticator.delay_seconds(peer(request)))
        raise Unauthorized("that key is not known here", hint="it may have been revoked or have expired")
    secret = await asyncio.to_thread(open_session, around.state, key.id, now=around.now_nano() / 1e9)
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=int(SESSION_SECONDS),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )
    role = key.role.name.lower()
    return {"authenticated": True, "required": True, "tenant": key.tenant, "role": role, "name": key.name}


@router.delete("", status_code=204)
async def log_out(request: Request, response: Response, around: Around) -> None:
    """End the session."""
    require_same_origin(request.method, request.headers)
    cookie = session_cookie(request.headers)
    if cookie:
        await asyncio.to_thread(close_session, around.state, cookie)
    response.delete_cookie(SESSION_COOKIE, path="/")
