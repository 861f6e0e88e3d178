"""Every error that Sonde raises on purpose, as one tree; the lowest layer, known by all.

    SondeError
    ├── UserError            the caller can mend it: shown in full, with what to do next
    │   ├── Unauthorized     who are you?                                  (HTTP 401)
    │   ├── Forbidden        we know you, and you may not                  (HTTP 403)
    │   ├── NotFound         nothing has that name or id                   (HTTP 404)
    │   ├── Conflict         something else has that name, port or lock    (HTTP 409)
    │   ├── TooLarge         a body beyond its limit                       (HTTP 413)
    │   ├── UnsupportedMedia a content type or encoding nobody reads here  (HTTP 415)
    │   ├── LimitExceeded    a query beyond its time, memory or rows       (HTTP 422)
    │   ├── Unsupported      said aloud instead of an empty answer         (HTTP 501)
    │   └── Unavailable      try again after ``retry_after_seconds``       (HTTP 503)
    └── InternalError        ours: logged with a trace, shown as a code only

Catch ``UserError`` at a surface to answer a client; catch ``SondeError`` to tell our own errors from bugs.
"""

from __future__ import annotations

from typing import ClassVar


class SondeError(Exception):
    """Something Sonde says no to.

    ``message`` says what and where, ``hint`` what to do next, ``code`` is stable for machines,
    ``position`` is the (line, column) in the caller's text, where there is one.

    >>> error = SondeError("unknown function ratee", code="promql.function", hint="use rate", position=(1, 15))
    >>> str(error)
    '1:15: unknown function ratee; use rate [promql.function]'
    """

    default_code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        position: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.position = position

    def __str__(self) -> str:
        where = f"{self.position[0]}:{self.position[1]}: " if self.position else ""
        cure = f"; {self.hint}" if self.hint else ""
        return f"{where}{self.message}{cure} [{self.code}]"


class UserError(SondeError):
    """The request or the configuration is wrong and its author can mend it."""

    default_code = "bad_request"
    http_status = 400


class Unauthorized(UserError):
    """No credentials, or credentials that nobody here issued."""

    default_code = "unauthorized"
    http_status = 401


class Forbidden(UserError):
    """The credentials are good, but not for this."""

    default_code = "forbidden"
    http_status = 403


class NotFound(UserError):
    """Nothing has that name or id."""

    default_code = "not_found"
    http_status = 404


class Conflict(UserError):
    """A name, a port or a lock is taken by something else."""

    default_code = "conflict"
    http_status = 409


class TooLarge(UserError):
    """A body is larger than its limit, before or after decompression."""

    default_code = "too_large"
    http_status = 413


class UnsupportedMedia(UserError):
    """A content type or content encoding that this endpoint does not read."""

    default_code = "unsupported_media_type"
    http_status = 415


class LimitExceeded(UserError):
    """A query went beyond its time, memory, series or rows and was stopped."""

    default_code = "limit_exceeded"
    http_status = 422


class Unsupported(UserError):
    """Valid, but not built here; said aloud, because an empty answer means "no data"."""

    default_code = "unsupported"
    http_status = 501


class Unavailable(UserError):
    """Not now: overload, a full disk, or shutting down. Nothing was stored; try again after ``retry_after_seconds``."""

    default_code = "unavailable"
    http_status = 503

    def __init__(
        self, message: str, *, code: str | None = None, hint: str = "", retry_after_seconds: float = 5.0
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class InternalError(SondeError):
    """Sonde broke a promise of its own. Clients see the code, the log has the rest."""

    default_code = "internal"
    http_status = 500
