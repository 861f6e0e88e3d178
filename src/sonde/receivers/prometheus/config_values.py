"""The kinds of value in Prometheus' configuration: each is read from its text, and a problem is said in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    model_validator,
)

from sonde.errors import UserError
from sonde.telemetry.duration import parse_strict_nanoseconds

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)([KMGTPE]?)(i?)B?", re.IGNORECASE)
_SIZE_UNITS: Final = " KMGTPE"


class Section(BaseModel):
    """A mapping of keys that are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        """A key without a value is a key that is not there, as in Prometheus."""
        return {k: v for k, v in given.items() if v is not None} if isinstance(given, dict) else given


class AtKey(ValueError):
    """Something is wrong with one key of a section, which is where the message is to point."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(what)
        self.key = key


def refuse_unsupported(given: Any, reasons: Mapping[str, str]) -> Any:
    """Say no to keys that are known but do nothing here; with a value that changes nothing they are taken out.

    Raises:
        AtKey: One of them wants something.

    >>> refuse_unsupported({"a": "0", "b": "1"}, {"a": "a is not supported"})
    {'b': '1'}
    """
    if not isinstance(given, dict):
        return given
    for key, reason in reasons.items():
        value = given.get(key)
        if value and str(value).lower() not in {"0", "false"}:
            raise AtKey(key, reason)
    return {key: value for key, value in given.items() if key not in reasons}


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value == "0":
        return 0
    try:
        return parse_strict_nanoseconds(value) // 10**6
    except UserError as error:
        raise ValueError(error.message) from error


def _size(value: Any) -> Any:
    """A number of bytes; KB and KiB are both 1024, as Prometheus has them.

    >>> _size("15MB"), _size("0"), _size("1.5GiB")
    (15728640, 0, 1610612736)
    """
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"{value!r} is not a size; write it like 15MB or 512KiB")
    return int(float(found[1]) * 1024 ** _SIZE_UNITS.index(found[2].upper() or " "))


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _beside_the_configuration(path: Path, info: ValidationInfo) -> Path:
    """A path as seen from the folder of the configuration file."""
    context = info.context or {}
    return Path(context["directory"]) / path if "directory" in context else path


def _none_is_empty(value: Any) -> Any:
    return "" if value is None else value


Milliseconds = Annotated[int, BeforeValidator(_duration), Field(ge=0)]
Interval = Annotated[int, BeforeValidator(_duration), Field(gt=0)]
Size = Annotated[int, BeforeValidator(_size), Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
LowerCase = BeforeValidator(_lower)
File = Annotated[Path, AfterValidator(_beside_the_configuration)]
Secret = SecretStr
Texts = tuple[str, ...]
LabelTexts = Mapping[Annotated[str, Field(min_length=1)], Annotated[str, BeforeValidator(_none_is_empty)]]


def one_of(section: Section, *names: str) -> None:
    """Refuse a section that says the same thing in several ways."""
    given = [name for name in names if getattr(section, name) not in {None, ""}]
    if len(given) > 1:
        raise AtKey(given[1], f"at most one of {', '.join(names)} can be set; here are {' and '.join(given)}")
