"""Apprise: one bridge to the hundred services for which nobody here has a notifier.

The package ``apprise`` is optional; without it ``apprise_configs`` are refused.
Specification: https://github.com/caronc/apprise/wiki
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sonde.errors import Unsupported, UserError
from sonde.notify.configuration.push import AppriseConfig
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch, Result
from sonde.notify.notifiers.additions import (
    HTML_LINES,
    IMAGE_NAME,
    MARKDOWN,
    PLAIN,
    Form,
    addition,
    joined,
    links_of,
)
from sonde.notify.notifiers.secret import revealed, secrets_in, without
from sonde.notify.notifiers.service import Means

_LONGEST_ADDITION: Final = 3000
_FORMS: Final[Mapping[str, Form]] = {"text": PLAIN, "markdown": MARKDOWN, "html": HTML_LINES}
MISSING: Final = "the package apprise is not installed; pip install apprise"


def is_installed() -> bool:
    """Whether there is a bridge."""
    return importlib.util.find_spec("apprise") is not None


class AppriseNotifier:
    """``apprise_configs``. Apprise tells only whether all was sent, so what failed is tried again."""

    def __init__(self, config: AppriseConfig, means: Means) -> None:
        if not is_installed():
            raise Unsupported(f"apprise_configs cannot be sent: {MISSING}", code="notify.apprise")
        self.config = config
        self.means = means
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for modules that Python is about to drop
            self._apprise: Any = importlib.import_module("apprise")
            self._apprise.Apprise.instantiate("json://localhost")  # loads all that it can speak to, once
        # They log URLs with their secrets.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

    async def notify(self, batch: Batch) -> Result:
        """Send a batch once, to all URLs at once."""
        try:
            return await asyncio.to_thread(self._notify, batch)
        except UserError as error:
            return Result(without(error.message, secrets_in(self.config)))

    def _notify(self, batch: Batch) -> Result:
        config, words = self.config, self.means.words(batch)
        # What apprise does not say is where: a file has one URL a line, like its own configuration.
        urls = [secret.get_secret_value() for secret in config.urls]
        if config.urls_file:
            urls += revealed(None, config.urls_file, "urls_file").splitlines()
        bridge = self._apprise.Apprise()
        for place, url in enumerate(filter(None, map(str.strip, urls)), start=1):
            if not bridge.add(url):
                raise UserError(f"Apprise does not understand URL number {place}", code="notify.apprise")
        if not len(bridge):
            raise UserError("there is no URL for Apprise", code="notify.apprise")
        rendered = words.html(config.message) if config.format == "html" else words.text(config.message)
        form, context = _FORMS[config.format], batch.context
        below = addition(context, form, _LONGEST_ADDITION, links=links_of(context))
        with _attached(context) as attachment:
            sent = bridge.notify(
                title=words.text(config.title),
                body=joined(rendered, below, form),
                body_format=config.format,
                notify_type="failure" if batch.status == "firing" else "success",
                attach=attachment,
            )
        return Result() if sent else Result("Apprise could not send to all of its URLs", retry=True)


@contextmanager
def _attached(context: MessageContext) -> Iterator[str | None]:
    """The file of the graph, which Apprise leaves out where a service takes none."""
    if not context.graph_png:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="sonde-") as folder:
        file = Path(folder) / IMAGE_NAME
        file.write_bytes(context.graph_png)
        yield str(file)
