"""Refusals as another system words them: what all dialects have in common, whatever their shape."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

from sonde.errors import InternalError, SondeError, UserError
from sonde.web.errors import error_response

_CARRIED: Final = ("retry-after", "www-authenticate")
_log = logging.getLogger(__name__)


def told(error: SondeError) -> str:
    """What a client is told of an error, in one line.

    >>> told(UserError("no such rule", hint="look at /rules")), told(InternalError("secret"))
    ('no such rule; look at /rules', 'something went wrong inside Sonde; its log has the details')
    """
    if isinstance(error, InternalError):
        return "something went wrong inside Sonde; its log has the details"
    return f"{error.message}; {error.hint}" if error.hint else error.message


def carried_headers(error: SondeError) -> dict[str, str]:
    """The headers of a refusal that every client understands."""
    ours = error_response(error).headers
    return {name: ours[name] for name in _CARRIED if name in ours}


class DialectRoute(APIRoute):
    """A route whose refusals are a dialect's, whatever raises them: its dependencies, or the endpoint itself."""

    @staticmethod
    @abstractmethod
    def refusal(request: Request, error: SondeError, /) -> Response:
        """An error as the answer."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, guarded."""
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await answer(request)
            except UserError as error:
                return self.refusal(request, error)
            except SondeError as error:
                _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
                return self.refusal(request, error)

        return guarded
