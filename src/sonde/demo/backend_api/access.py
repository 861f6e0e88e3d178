"""Who asks: API keys name tenants, and tenant, user and session go into the context of all telemetry of the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request

from sonde.demo.backend_api import signals
from sonde.demo.catalog import TENANTS
from sonde.sdk.context import bind
from sonde.sdk.logs.logger import get_logger

SUPPLIER_KEY = "demo-supplier"
_TENANT_BY_KEY = {tenant.api_key: tenant.id for tenant in TENANTS} | {SUPPLIER_KEY: "supplier"}
_log = get_logger("backend-api.access")


@dataclass(frozen=True, slots=True)
class Caller:
    """The tenant that the key belongs to, and the user that the tenant names."""

    tenant_id: str
    user_id: str


async def authenticate(
    request: Request,
    x_api_key: Annotated[str, Header()] = "",
    x_user_id: Annotated[str, Header()] = "anonymous",
    x_session_id: Annotated[str, Header()] = "",
) -> Caller:
    """Find the tenant of the key. Raises ``HTTPException`` 401 for a key that nobody has."""
    tenant_id = _TENANT_BY_KEY.get(x_api_key)
    signals.authentications.add(1, {"result": "success" if tenant_id else "failure"})
    if tenant_id is None:
        _log.warning("Authentication failed", user_id=x_user_id)
        raise HTTPException(401, "the header x-api-key has no key that is known here")
    request.state.tenant_id = tenant_id
    bind(tenant_id=tenant_id, user_id=x_user_id, session_id=x_session_id)
    return Caller(tenant_id, x_user_id)


KnownCaller = Annotated[Caller, Depends(authenticate)]
