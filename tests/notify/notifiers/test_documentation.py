"""The configurations of docs/notifications.md can be used as they stand there."""

import re
from pathlib import Path

import pytest
from tests.notify.notifiers.sending import NOW

from sonde.notify.configuration import parse_configuration
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifiers import KINDS, HttpClients, apprise, build

PAGE = (Path(__file__).parents[3] / "docs" / "notifications.md").read_text(encoding="utf-8")
CONFIGURATIONS = re.findall(r"```yaml\n(# alertmanager\.yml\n.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", CONFIGURATIONS)
async def test_a_configuration_of_the_page_makes_notifiers(text, tmp_path):
    if "apprise_configs" in text and not apprise.is_installed():
        pytest.skip("no Apprise: pip install apprise")
    clients = HttpClients(lambda: NOW)
    configuration = parse_configuration(text, directory=tmp_path)
    assert build(configuration, MessageTemplates(), "http://sonde.example", lambda: NOW, clients)
    await clients.aclose()


def test_every_kind_stands_on_the_page():
    assert [kind for kind in KINDS if f"{kind}_configs:" not in PAGE] == ["msteams"]
