"""Which namespace and group a path names. Both may have slashes in them, as ``%2F``, so the path is read undecoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, unquote_to_bytes

from fastapi import Depends, Request

from sonde.errors import NotFound, UserError

_MOST_PARTS = 2


@dataclass(frozen=True, slots=True)
class Place:
    """What a request is about: everything, a namespace, or a group."""

    namespace: str | None = None
    group: str | None = None

    def __str__(self) -> str:
        return "/".join(part for part in (self.namespace, self.group) if part is not None)


def place_in(raw_path: str, prefix: str) -> Place:
    """What stands behind the prefix.

    >>> place_in("/config/v1/rules/team%2Fa/my%20group", "/config/v1/rules")
    Place(namespace='team/a', group='my group')
    >>> place_in("/config/v1/rules/", "/config/v1/rules")
    Place(namespace=None, group=None)

    Raises:
        UserError: Nothing can have that name.
        NotFound: There is nothing below a group.
    """
    rest = raw_path.removeprefix(prefix)
    if rest and not rest.startswith("/"):
        raise NotFound(f"there is nothing at {raw_path}")
    parts = rest.strip("/").split("/") if rest.strip("/") else []
    if len(parts) > _MOST_PARTS:
        raise NotFound(f"there is nothing at {raw_path}", hint="write a slash within a name as %2F")
    return Place(*map(_named, parts))


def _named(part: str) -> str:
    try:
        name = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise UserError(f"{part} is not UTF-8", code="rules.name") from None
    if "\0" in name or not name:
        raise UserError(f"{part} is no name", code="rules.name")
    return name


async def place(request: Request) -> Place:
    """What the request is about."""
    path, rest = request.scope["path"], request.path_params["rest"]
    raw = request.scope.get("raw_path") or quote(path).encode()
    return place_in(raw.decode("ascii", "replace").partition("?")[0], path.removesuffix(rest))


Asked = Annotated[Place, Depends(place)]
