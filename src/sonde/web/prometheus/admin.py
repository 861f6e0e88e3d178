"""``admin/tsdb/…``: what changes the store itself, for administrators only.

Deletes are of the caller's tenant; cleaning and snapshots are of the whole store, so for administrators of all tenants.
Specification: https://prometheus.io/docs/prometheus/latest/querying/api/#tsdb-admin-apis
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from fastapi import Response

from sonde.errors import Forbidden, Unavailable, UserError
from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse.deletion import delete_series as delete
from sonde.query.promql.parser import parse_selector
from sonde.store.maintenance import Maintenance
from sonde.telemetry.quoting import quote
from sonde.telemetry.tenancy import Role
from sonde.web.asking import Around, Reader
from sonde.web.auth import Caller
from sonde.web.prometheus.answer import Endpoint, nothing, router, success
from sonde.web.prometheus.configured import Configured, Given
from sonde.web.prometheus.form import Asked, optional_time, parameter
from sonde.web.prometheus.times import MAX_TIME, MIN_TIME

routes = router()
_BOOLEANS: Final = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False", ""), False),
}


def _post_and_put(path: str) -> Callable[[Endpoint], Endpoint]:
    def declare(endpoint: Endpoint) -> Endpoint:
        routes.add_api_route(path, endpoint, methods=["POST"])
        routes.add_api_route(path, endpoint, methods=["PUT"], include_in_schema=False)
        return endpoint

    return declare


@_post_and_put("/admin/tsdb/delete_series")
async def delete_series(caller: Reader, around: Around, given: Given, form: Asked) -> Response:
    """Delete the samples of all series that any ``match[]`` selects, from ``start`` to ``end``."""
    _require_admin(caller)
    if not form.all("match[]"):
        raise UserError("no match[] parameter provided", code="bad_data")
    start = optional_time(form, "start", MIN_TIME)
    end = optional_time(form, "end", MAX_TIME)
    with parameter("match[]"):
        selectors = [parse_selector(text) for text in form.all("match[]")]
    inquiry = Inquiry(around.store, replace(around.limits, result_rows=None, result_bytes=None))
    await delete(inquiry, _maintenance(given), caller.tenant, selectors, start=start, end=end)
    return nothing()


@_post_and_put("/admin/tsdb/clean_tombstones")
async def clean_tombstones(caller: Reader, given: Given) -> Response:
    """Free the disk space of what was deleted."""
    _require_admin(caller, of_every_tenant=True)
    await asyncio.to_thread(_maintenance(given).clean)
    return nothing()


@_post_and_put("/admin/tsdb/snapshot")
async def snapshot(caller: Reader, around: Around, given: Given, form: Asked) -> Response:
    """Keep a copy of all data as it is now, in ``snapshots/<name>`` of the data directory.

    With ``skip_head`` what was acknowledged in the last second or so may be missing.
    """
    _require_admin(caller, of_every_tenant=True)
    skip_head = _BOOLEANS.get(form["skip_head"])
    if skip_head is None:
        with parameter("skip_head"):
            problem = f"strconv.ParseBool: parsing {quote(form['skip_head'])}: invalid syntax"
            raise UserError(f"unable to parse boolean: {problem}", code="bad_data")
    at = datetime.fromtimestamp(around.now_nano() / 1e9, UTC)
    name = f"{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(8)}"
    await asyncio.to_thread(_maintenance(given).snapshot, name, with_newest=not skip_head)
    return success({"name": name})


def _require_admin(caller: Caller, *, of_every_tenant: bool = False) -> None:
    if caller.identity.role < Role.ADMIN:
        raise Forbidden(
            f"admin APIs disabled for the role {caller.identity.role.name.lower()}",
            code="role_too_small",
            hint="use a key with the role admin",
        )
    if of_every_tenant and not caller.every_tenant:
        raise Forbidden(
            f"this concerns all tenants, and the key is for {caller.tenant}",
            code="wrong_tenant",
            hint="use an admin key of tenant *",
        )


def _maintenance(given: Configured) -> Maintenance:
    if given.maintenance is None:
        raise Unavailable("TSDB not ready", code="store.not_ready", retry_after_seconds=1)
    return given.maintenance
