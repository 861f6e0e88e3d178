"""The kinds of value that configuration knows: each is read from its text and written back in the same form."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, Field

from sonde.errors import UserError
from sonde.telemetry.duration import parse_duration


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port to listen on. Port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """How programs on this machine reach it over HTTP.

        >>> Address("0.0.0.0", 3000).url
        'http://127.0.0.1:3000'
        """
        return f"http://{Address({'0.0.0.0': '127.0.0.1', '::': '::1'}.get(self.host, self.host), self.port)}"  # noqa: S104

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach it; a name other than localhost may mean anything."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_address(text: str) -> Address:
    """Read ``host:port``; without a host it is every interface.

    >>> parse_address("127.0.0.1:3000")
    Address(host='127.0.0.1', port=3000)
    >>> str(parse_address("[::1]:4317")), str(parse_address(":3000"))
    ('[::1]:4317', '0.0.0.0:3000')
    """
    host, separator, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not separator or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535 or (":" in host and not bracketed):
        raise ValueError(f"{text!r} is not an address; write it like 127.0.0.1:3000 or [::1]:3000")
    return Address(host=host.strip("[]") or "0.0.0.0", port=int(port))  # noqa: S104 -- asked for; settings.refuse_open_door decides


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_SIZE_UNITS = ("", "k", "m", "g", "t")


def parse_size(text: str) -> int:
    """Read a number of bytes: ``512MB`` counts in thousands, ``64MiB`` in 1024s.

    >>> parse_size("512MB"), parse_size("64MiB"), parse_size("1.5g"), parse_size("0")
    (512000000, 67108864, 1500000000, 0)
    """
    found = _SIZE.fullmatch(text.strip())
    if not found or (found[3] and not found[2]):
        raise ValueError(f"{text!r} is not a size; write it like 512MB, 64MiB or 20GB")
    return int(Fraction(found[1]) * (1024 if found[3] else 1000) ** _SIZE_UNITS.index(found[2].lower()))


def format_size(size_bytes: int) -> str:
    """Write a number of bytes in the largest unit that needs no fraction.

    >>> format_size(67108864), format_size(20 * 10**9), format_size(1001), format_size(0)
    ('64MiB', '20GB', '1001', '0')
    """
    for exponent in (4, 3, 2, 1):
        for base, suffix in ((1024, "iB"), (1000, "B")):
            count, rest = divmod(size_bytes, base**exponent)
            if count and not rest:
                return f"{count}{_SIZE_UNITS[exponent].upper()}{suffix}"
    return str(size_bytes)


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that needs no fraction.

    >>> [format_duration(timedelta(**unit)) for unit in ({"days": 90}, {"minutes": 90}, {"milliseconds": 250}, {})]
    ['90d', '90m', '250ms', '0']
    """
    for unit, length in _DURATION_UNITS:
        count, rest = divmod(duration, length)
        if count and not rest:
            return f"{count}{unit}"
    return "0" if not duration else f"{duration // timedelta(microseconds=1)}us"


_DURATION_UNITS = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
    ("ms", timedelta(milliseconds=1)),
)


def _read_address(value: Any) -> Any:
    return parse_address(value) if isinstance(value, str) else value


def _read_size(value: Any) -> Any:
    return parse_size(value) if isinstance(value, str) else value


def _read_duration(value: Any) -> Any:
    try:
        return parse_duration(value) if isinstance(value, str) else value
    except UserError as error:
        raise ValueError(f"{error.message}; {error.hint}") from error


def _read_path(value: Any) -> Any:
    return Path(value).expanduser().absolute() if isinstance(value, str | Path) else value


def read_list(value: Any) -> Any:
    """Several texts: a list, or one text with commas."""
    return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value


def _read_patterns(value: Any) -> Any:
    """Paths that may have ``*``, absolute: the server changes its working directory."""
    given = read_list(value)
    return tuple(str(_read_path(item)) for item in given) if isinstance(given, list | tuple) else given


def lower_case(value: Any) -> Any:
    """Names of log levels are written in both cases everywhere."""
    return value.lower() if isinstance(value, str) else value


def read_yaml(value: Any) -> Any:
    """A value that is more than one text: YAML (or JSON, which is YAML), wherever it stands."""
    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {getattr(error, 'problem', None) or error}") from error


@dataclass(frozen=True, slots=True)
class Kind:
    """What a reader of the documentation is told that a value looks like; ``structured`` ones are read as YAML."""

    text: str
    structured: bool = False
    secret: bool = False
    """There may be secrets in it, which are not written back."""


SIZE = Kind("size, like 512MB or 64MiB")

Listen = Annotated[Address, BeforeValidator(_read_address), Kind("host:port")]
Size = Annotated[int, BeforeValidator(_read_size), Field(ge=0), SIZE]
Duration = Annotated[timedelta, BeforeValidator(_read_duration), Kind("duration, like 90d or 15s")]
Folder = Annotated[Path, BeforeValidator(_read_path), Kind("folder")]
File = Annotated[Path, BeforeValidator(_read_path), Kind("file")]
Names = Annotated[tuple[str, ...], BeforeValidator(read_list), Kind("list; in the environment parted by commas")]
Patterns = Annotated[
    tuple[str, ...],
    BeforeValidator(_read_patterns),
    Kind("list of files, which may have *; in the environment parted by commas"),
]
