"""What Docker, or Podman in its place, knows of the running containers: names, images, labels.

API: https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from sonde.errors import SondeError
from sonde.receivers.part import NoData

LARGEST_ANSWER_BYTES: Final = 32 * 1024 * 1024

_UNCLEAN = re.compile(r"[^a-zA-Z0-9_]")


class DockerError(SondeError):
    """Docker answered with something else than a list of containers."""

    default_code = "docker.answer"


@dataclass(frozen=True, slots=True)
class Container:
    """A running container."""

    name: str
    image: str
    created: float
    labels: Mapping[str, str]

    def metric_labels(self, wanted: frozenset[str] | None) -> dict[str, str]:
        """The labels of its samples: name, image, and its own labels (all where ``wanted`` is None).

        >>> Container("web", "nginx:1", 0, {"com.shop/team": "a", "x": "y"}).metric_labels(frozenset({"com.shop/team"}))
        {'name': 'web', 'image': 'nginx:1', 'container_label_com_shop_team': 'a'}
        """
        own = {
            f"container_label_{_UNCLEAN.sub('_', name)}": value
            for name, value in self.labels.items()
            if wanted is None or name in wanted
        }
        return {"name": self.name, "image": self.image} | own


async def running(socket: Path, *, timeout_seconds: float) -> dict[str, Container]:
    """The running containers by their id.

    Raises:
        NoData: There is no such socket.
        DockerError: The answer is no list of containers.
        httpx.HTTPError: The socket does not answer, or not with success.
    """
    if not _is_there(socket):
        raise NoData(f"there is no socket {socket}")
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    async with (
        httpx.AsyncClient(transport=transport, timeout=timeout_seconds) as client,
        client.stream("GET", "http://docker/containers/json") as answer,
    ):
        answer.raise_for_status()
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER_BYTES:
                raise DockerError(f"the list of containers is larger than {LARGEST_ANSWER_BYTES} bytes")
    return parse(bytes(body))


def _is_there(socket: Path) -> bool:
    return socket.exists()


def parse(body: bytes) -> dict[str, Container]:
    """Read the answer to ``GET /containers/json``.

    >>> parse(b'[{"Id": "abc", "Names": ["/web"], "Image": "nginx:1", "Created": 17, "Labels": null}]')
    {'abc': Container(name='web', image='nginx:1', created=17.0, labels={})}

    Raises:
        DockerError: It is none.
    """
    try:
        items: list[dict[str, Any]] = httpx.Response(200, content=body).json()
        return {str(item["Id"]): _container(item) for item in items}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DockerError(f"this is no list of containers: {type(error).__name__}") from error


def _container(item: dict[str, Any]) -> Container:
    names = item.get("Names") or [""]
    labels = item.get("Labels") or {}
    return Container(
        name=str(names[0]).removeprefix("/"),
        image=str(item.get("Image", "")),
        created=float(item.get("Created", 0)),
        labels={str(name): str(value) for name, value in labels.items()},
    )
