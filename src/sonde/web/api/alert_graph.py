"""``GET /alert-graph/{token}.png``: the graph of an alert, for chat services that fetch a message's images themselves.

Nobody has to log in: the token is signed by ``notify.context.graph_links`` and says all of what is drawn. What was
drawn lately comes from memory; beyond that a few a minute, so that a leaked link is no way to keep the store busy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from fastapi import FastAPI
from starlette.responses import Response

from sonde.errors import NotFound, Unavailable
from sonde.notify.context.graph import Graphs
from sonde.notify.context.graph_links import GraphLinks

MOST_DRAWN: Final = 30
"""So many are drawn within a minute."""
_MINUTE: Final = 60 * 10**9
_HEADERS: Final = {
    "cache-control": "public, max-age=86400, immutable",
    # a page of another service may show it
    "cross-origin-resource-policy": "cross-origin",
}


class Pace:
    """Lets so many through within a minute.

    >>> pace = Pace(1, lambda: 0)
    >>> pace.take(), pace.take()
    (True, False)
    """

    def __init__(self, most: int, now: Callable[[], int]) -> None:
        self._most = most
        self._now = now
        self._taken: deque[int] = deque()

    def take(self) -> bool:
        """Whether one more may."""
        now = self._now()
        while self._taken and self._taken[0] <= now - _MINUTE:
            self._taken.popleft()
        if len(self._taken) >= self._most:
            return False
        self._taken.append(now)
        return True


def install(app: FastAPI, graphs: Graphs, links: GraphLinks, now: Callable[[], int], *, most: int = MOST_DRAWN) -> None:
    """Add the address. This comes before the UI's own paths. ``now``: the time, in nanoseconds."""
    pace = Pace(most, now)

    @app.get("/alert-graph/{token}.png", tags=["alerts"], response_class=Response)
    @app.head("/alert-graph/{token}.png", include_in_schema=False)
    async def alert_graph(token: str) -> Response:
        """The graph that the signed token names."""
        outline = links.read(token)
        if not graphs.known(outline) and not pace.take():
            raise Unavailable("too many graphs are asked for", code="graph.busy", retry_after_seconds=30)
        png = await graphs.png(outline)
        if not png:
            raise NotFound("the expression has no values in that hour", code="graph.empty")
        return Response(png, media_type="image/png", headers=_HEADERS)
