"""Arguments of commands, as templates of the alert that they answer to.

Labels come from anywhere, so what they put into an argument is not trusted: no program is told an option by a label.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

from sonde.errors import UserError
from sonde.notify.template_data import AlertView
from sonde.notify.template_functions import FUNCTIONS, NOW
from sonde.telemetry.template import Template, TemplateError, TemplateSet
from sonde.telemetry.template.instant import Time

LONGEST_BYTES: Final = 4096
_OPENS: Final = "{{"


class Refused(UserError):
    """What an alert would make of an argument is nothing that a program may be given."""

    default_code = "response.argument"


@dataclass(frozen=True, slots=True)
class ArgumentTemplate:
    """An argument; without ``{{`` it is as it is written.

    Raises:
        UserError: It is no template, or leaves it to a label which option it is.

    >>> ArgumentTemplate("--{{ .Labels.mode }}")
    Traceback (most recent call last):
    sonde.errors.UserError: "--{{ .Labels.mode }}" would let a label choose an option [response.argument]
    """

    text: str

    def __post_init__(self) -> None:
        if "\0" in self.text:
            raise UserError("an argument cannot have a NUL", code="response.argument")
        if _OPENS not in self.text:
            return
        head = self.text.partition(_OPENS)[0].strip()
        if head and not head.strip("-"):
            raise UserError(f'"{self.text}" would let a label choose an option', code="response.argument")
        try:
            _parsed(self.text)
        except TemplateError as error:
            raise UserError(error.message, code="response.argument") from error

    def rendered(self, alert: AlertView, *, now: int) -> str:
        """The argument for an alert.

        Raises:
            Refused: It is empty, an option, too long, or no text that can be passed on.
        """
        if _OPENS not in self.text:
            return self.text
        token = NOW.set(Time.of_nanoseconds(now))
        try:
            text = _parsed(self.text).render(alert)
        except TemplateError as error:
            raise Refused(error.message) from error
        finally:
            NOW.reset(token)
        if not text:
            raise Refused(f"{self.text} is empty for this alert")
        if text.startswith("-") and not self.text.startswith("-"):
            raise Refused(f"{self.text} begins with - for this alert, which a program would take for an option")
        if "\0" in text:
            raise Refused(f"{self.text} has a NUL for this alert")
        if len(text.encode("utf-8", "surrogateescape")) > LONGEST_BYTES:
            raise Refused(f"{self.text} is longer than {LONGEST_BYTES} bytes for this alert")
        return text


@functools.lru_cache(maxsize=1024)
def _parsed(text: str) -> Template:
    return TemplateSet(FUNCTIONS, missing_key="zero").parse(text, name="")
