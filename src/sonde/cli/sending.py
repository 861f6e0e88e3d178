"""Sends remote write requests, one after the other, and waits when the server is busy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sonde.cli.connection import Connection, Refusal
from sonde.errors import UserError
from sonde.receivers import snappy
from sonde.receivers.prometheus.metrics_file import Piece
from sonde.receivers.prometheus.write_check import CONTENT_TYPES

MOST_TRIES = 20
LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Sent:
    """How many samples are stored, and what the server said of those that are not."""

    samples: int
    rejections: tuple[str, ...]


def send_pieces(
    connection: Connection, pieces: Iterable[Piece], *, pause: Callable[[float], object] = threading.Event().wait
) -> Sent:
    """Send all pieces; one of which not all is good is said, and the rest goes on.

    Raises:
        UserError: The server refuses us, or does not come back.
    """
    samples = 0
    rejections: list[str] = []
    headers = {"Content-Type": CONTENT_TYPES[2], "Content-Encoding": "snappy"}
    for piece in pieces:
        body = snappy.compress(piece.request)
        for tries in range(1, MOST_TRIES + 1):
            answer = connection.post_body("/write", body, headers)
            if not isinstance(answer, Refusal) or answer.status not in {429, 503} or tries == MOST_TRIES:
                break
            pause(min(answer.retry_after_seconds, LONGEST_PAUSE_SECONDS))
        if not isinstance(answer, Refusal):
            samples += piece.samples
        elif answer.status == 400:
            samples += answer.samples_written
            rejections.append(f"from line {piece.line} on: {answer.message}")
        else:
            raise UserError(answer.message, code="import.refused", hint=answer.hint)
    return Sent(samples, tuple(rejections))
