"""Which format a body is in, what is asked for, and who reads it."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

from sonde.errors import UserError
from sonde.receivers.prometheus.exposition.protobuf import ProtobufReader
from sonde.receivers.prometheus.exposition.reading import Reading, Resolve
from sonde.receivers.prometheus.exposition.text import TextReader

T = TypeVar("T")


class ScrapeProtocol(enum.StrEnum):
    """A format as ``scrape_protocols`` names it."""

    PROTOBUF = "PrometheusProto"
    TEXT_0_0_4 = "PrometheusText0.0.4"
    TEXT_1_0_0 = "PrometheusText1.0.0"
    OPENMETRICS_0_0_1 = "OpenMetricsText0.0.1"
    OPENMETRICS_1_0_0 = "OpenMetricsText1.0.0"


MEDIA_TYPES: Final = {
    ScrapeProtocol.PROTOBUF: (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    ),
    ScrapeProtocol.TEXT_0_0_4: "text/plain;version=0.0.4",
    ScrapeProtocol.TEXT_1_0_0: "text/plain;version=1.0.0",
    ScrapeProtocol.OPENMETRICS_0_0_1: "application/openmetrics-text;version=0.0.1",
    ScrapeProtocol.OPENMETRICS_1_0_0: "application/openmetrics-text;version=1.0.0",
}
DEFAULT_PROTOCOLS: Final = (
    ScrapeProtocol.OPENMETRICS_1_0_0,
    ScrapeProtocol.OPENMETRICS_0_0_1,
    ScrapeProtocol.TEXT_1_0_0,
    ScrapeProtocol.TEXT_0_0_4,
)
_ESCAPED: Final = {ScrapeProtocol.TEXT_1_0_0, ScrapeProtocol.OPENMETRICS_1_0_0}
"""Those that can have names of any characters, so that a target is asked how to write them."""


class Format(enum.Enum):
    """A format that is read."""

    TEXT = enum.auto()
    OPENMETRICS = enum.auto()
    PROTOBUF = enum.auto()


class Reader(Protocol[T]):
    """What reads a target's bodies, one after the other, and remembers what it has seen."""

    def read(self, body: bytes) -> Reading[T]:
        """Read a body; raises ``UserError`` if it is not in the format."""
        ...

    def rows_before(self, line: int) -> list[T]:
        """Of a body that could not be read: the series of what stands before this line, if it has lines."""
        ...


def accept(protocols: Sequence[ScrapeProtocol], escaping: str = "allow-utf-8") -> str:
    """The value of the ``accept`` header: the wanted formats, best first.

    >>> accept([ScrapeProtocol.OPENMETRICS_1_0_0, ScrapeProtocol.TEXT_0_0_4])
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4'
    """
    weight = len(MEDIA_TYPES) + 1
    wanted = [
        f"{MEDIA_TYPES[protocol]}{f';escaping={escaping}' if protocol in _ESCAPED else ''};q=0.{weight - place}"
        for place, protocol in enumerate(protocols)
    ]
    return ",".join([*wanted, f"*/*;q=0.{weight - len(protocols)}"])


def format_of(content_type: str, fallback: ScrapeProtocol | None = None) -> Format:
    """The format that a ``content-type`` means, or, if it says none that is read here, the fallback's.

    Raises:
        UserError: It says none, and there is no fallback.

    >>> format_of("text/plain; version=0.0.4; charset=utf-8"), format_of("", ScrapeProtocol.OPENMETRICS_1_0_0)
    (<Format.TEXT: 1>, <Format.OPENMETRICS: 2>)
    >>> format_of("text/html")
    Traceback (most recent call last):
    sonde.errors.UserError: the target sent content-type 'text/html', which is no exposition format; \
check its metrics_path, or set fallback_scrape_protocol [scrape.content_type]
    """
    media, *parameters = (part.strip() for part in content_type.split(";"))
    match media.lower():
        case "text/plain":
            return Format.TEXT
        case "application/openmetrics-text":
            return Format.OPENMETRICS
        case "application/vnd.google.protobuf":
            sent = {
                key.strip().lower(): value.strip().strip('"')
                for key, _, value in (p.partition("=") for p in parameters)
            }
            if sent.get("encoding") == "delimited" and sent.get("proto") == "io.prometheus.client.MetricFamily":
                return Format.PROTOBUF
        case _:
            pass
    if fallback is not None:
        return format_of(MEDIA_TYPES[fallback])
    said = f"content-type {content_type!r}, which is no exposition format" if content_type else "no content-type"
    raise UserError(
        f"the target sent {said}",
        code="scrape.content_type",
        hint="check its metrics_path, or set fallback_scrape_protocol",
    )


def reader_of(format_: Format, resolve: Resolve[T], *, native: bool = True, classic: bool = False) -> Reader[T]:
    """A reader of the format. ``native`` and ``classic`` say which histograms are wanted of protobuf."""
    if format_ is Format.PROTOBUF:
        return ProtobufReader(resolve, native=native, classic=classic)
    return TextReader(resolve, openmetrics=format_ is Format.OPENMETRICS)
