"""The templates of notifications: ours, which Alertmanager's names stand for, and people's own files on top of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from pathlib import PurePath
from typing import Final

from sonde.notify.template_data import Data
from sonde.notify.template_functions import FUNCTIONS, NOW
from sonde.telemetry.template import Template, TemplateSet
from sonde.telemetry.template.instant import Time

_OWN: Final = ("default.tmpl", "email.tmpl")
_REMEMBERED: Final = 1024


class MessageTemplates:
    """Templates that settings of notifiers can call by name.

    >>> from sonde.notify.alert import Alert
    >>> from sonde.notify.template_data import data_of
    >>> alert = Alert((("alertname", "Down"), ("job", "api")), starts_at=1)
    >>> data = data_of([alert], receiver="team", group_labels=(("alertname", "Down"),), external_url="", now=2)
    >>> MessageTemplates().text('{{ template "slack.default.title" . }}', data, now=Time.of_nanoseconds(2))
    '[FIRING:1] Down (api)'
    """

    def __init__(self, files: Sequence[tuple[str, str]] = ()) -> None:
        """Read people's files: names and texts, of which a later one replaces what an earlier one defines.

        Raises:
            TemplateError: A file is no template.
        """
        self._text = _own(html=False).clone()
        self._html = _own(html=True).clone()
        for name, text in files:
            for templates in (self._text, self._html):
                templates.parse(text, name=PurePath(name).name)
        self._parsed_text = functools.lru_cache(_REMEMBERED)(lambda text: _parsed(self._text, text))
        self._parsed_html = functools.lru_cache(_REMEMBERED)(lambda text: _parsed(self._html, text))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all templates, in order."""
        return self._text.names

    def text(self, template: str, data: Data, *, now: Time) -> str:
        """Render a setting as plain text.

        Raises:
            TemplateError: It is no template, or cannot be executed for these data.
        """
        return _rendered(self._parsed_text(template), data, now) if "{{" in template else template

    def html(self, template: str, data: Data, *, now: Time) -> str:
        """Render a setting as HTML; values are escaped as their places need it.

        Raises:
            TemplateError: It is no template, or cannot be executed for these data.
            Unsupported: It puts a value where nobody here can make it safe.
        """
        return _rendered(self._parsed_html(template), data, now) if "{{" in template else template

    def check(self, template: str) -> None:
        """Check a setting without data.

        Raises:
            TemplateError: It is no template.
        """
        self._parsed_text(template)


def _parsed(templates: TemplateSet, text: str) -> Template:
    return templates.clone().parse(text, name="")


def _rendered(template: Template, data: Data, now: Time) -> str:
    token = NOW.set(now)
    try:
        return template.render(data)
    finally:
        NOW.reset(token)


@functools.cache
def _own(*, html: bool) -> TemplateSet:
    templates = TemplateSet(FUNCTIONS, missing_key="zero", html=html)
    for name in _OWN:
        text = resources.files("sonde.notify").joinpath("templates", name).read_text(encoding="utf-8")
        templates.parse(text, name=name)
    return templates
