"""Rule groups in PromQL and SQL: listed, shown, put and deleted, each group on its own; what is put runs at once.

Specification: https://grafana.com/docs/mimir/latest/references/http-api/#ruler
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request, Response

from sonde.errors import NotFound, SondeError, UserError
from sonde.rules.group_document import as_yaml, from_yaml, group_document
from sonde.state.audit_log import AuditEntry, record
from sonde.state.rule_groups import StoredGroup, drop_group, drop_namespace, find_group, put_group, read_groups
from sonde.telemetry.tenancy import Role
from sonde.web.asking import Around, Reader, peer
from sonde.web.auth import Caller
from sonde.web.ruler.answer import accepted, router, shown
from sonde.web.ruler.configured import Given
from sonde.web.ruler.group_text import read_group, read_text
from sonde.web.ruler.place import Asked
from sonde.web.surroundings import Surroundings

routes = router()


@routes.get("/rules{rest:path}")
async def show(request: Request, caller: Reader, around: Around, place: Asked) -> Response:
    """All groups by namespace, those of one namespace, or one group: YAML, or JSON for ``Accept: application/json``."""
    if place.namespace is not None and place.group is not None:
        found = await asyncio.to_thread(find_group, around.state, caller.tenant, place.namespace, place.group)
        if found is None:
            raise NotFound("group does not exist", code="rules.group_not_found")
        return shown(request, from_yaml(found.document))
    return shown(request, await asyncio.to_thread(_by_namespace, around, caller.tenant, place.namespace))


def _by_namespace(around: Surroundings, tenant: str, namespace: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group in read_groups(around.state, tenant, namespace=namespace):
        found.setdefault(group.namespace, []).append(from_yaml(group.document))
    return found


@routes.post("/rules{rest:path}")
async def put(request: Request, caller: Reader, around: Around, given: Given, place: Asked) -> Response:
    """Put one group into a namespace, in place of the one of its name if there is one."""
    caller.require(Role.WRITE)
    if place.namespace is None or place.group is not None:
        raise NotFound("a group is put into a namespace", hint="POST to …/rules/{namespace}; the body has its name")
    text = await read_text(request, given.limits)
    languages = given.ruler.languages(caller.tenant)
    group = await asyncio.to_thread(read_group, text, place.namespace, languages, given.limits)
    document = as_yaml(group_document(group))
    stored = StoredGroup(place.namespace, group.name, document, around.now_nano() / 1e9, caller.identity.name)
    before = await asyncio.to_thread(find_group, around.state, caller.tenant, place.namespace, group.name)
    await _kept(around, caller, stored, given.limits.groups)
    try:
        await given.ruler.changed(caller.tenant)
    except SondeError:
        await asyncio.to_thread(_put_back, around, caller.tenant, stored, before)
        raise
    await _noted(request, caller, "rules.put", f"{stored.namespace}/{stored.name}")
    return accepted()


async def _kept(around: Surroundings, caller: Caller, group: StoredGroup, most: int) -> None:
    if not await asyncio.to_thread(put_group, around.state, caller.tenant, group, most=most):
        raise UserError(
            f"there are {most} rule groups, more are not allowed", code="rules.too_many", hint="delete some first"
        )


def _put_back(around: Surroundings, tenant: str, group: StoredGroup, before: StoredGroup | None) -> None:
    if before is None:
        drop_group(around.state, tenant, group.namespace, group.name)
    else:
        put_group(around.state, tenant, before, most=1 << 31)


@routes.delete("/rules{rest:path}")
async def delete(request: Request, caller: Reader, around: Around, given: Given, place: Asked) -> Response:
    """Delete a group, or a namespace with all that is in it; its series end, its alerts are forgotten."""
    caller.require(Role.WRITE)
    if place.namespace is None:
        raise NotFound("nothing is named that could be deleted", hint="DELETE …/rules/{namespace}/{group}")
    if place.group is None:
        if not await asyncio.to_thread(drop_namespace, around.state, caller.tenant, place.namespace):
            raise NotFound("group namespace does not exist", code="rules.namespace_not_found")
    elif not await asyncio.to_thread(drop_group, around.state, caller.tenant, place.namespace, place.group):
        raise NotFound("group does not exist", code="rules.group_not_found")
    await given.ruler.changed(caller.tenant)
    await _noted(request, caller, "rules.delete", str(place))
    return accepted()


async def _noted(request: Request, caller: Caller, action: str, subject: str) -> None:
    around: Surroundings = request.app.state.surroundings
    entry = AuditEntry(around.now_nano() / 1e9, caller.identity.name, caller.tenant, action, subject, peer(request))
    await asyncio.to_thread(record, around.state, entry)
