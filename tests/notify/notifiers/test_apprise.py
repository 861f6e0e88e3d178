"""Apprise, with the genuine package where it is installed and refused where it is not."""

import importlib.util
import logging

import pytest
from tests.notify.notifiers.recording import reply, web
from tests.notify.notifiers.sending import FIRING, RESOLVED, notifier, told
from tests.notify.notifiers.services import SECRET

from sonde.errors import Unsupported
from sonde.notify.notifiers import refused

is_installed = importlib.util.find_spec("apprise") is not None
needs_apprise = pytest.mark.skipif(not is_installed, reason="no Apprise: pip install apprise")


@pytest.mark.skipif(is_installed, reason="Apprise is installed")
async def test_without_the_package_it_is_refused_aloud():
    assert "pip install apprise" in refused()["apprise_configs"]
    with pytest.raises(Unsupported, match="the package apprise is not installed; pip install apprise"):
        await told("apprise", {"urls": ["json://localhost"]})


@needs_apprise
async def test_apprise_sends_to_all_of_its_urls(tmp_path):
    (tmp_path / "urls").write_text("FILE\n")
    async with web() as server:
        url = server.base.replace("http", "json")
        async with notifier("apprise", {"urls": [f"{url}/a", f"{url}/b"]}) as one:
            assert (await one.notify(FIRING)).delivered
            assert (await one.notify(RESOLVED)).delivered
    assert sorted(sent.target for sent in server.sent) == ["/a", "/a", "/b", "/b"]
    assert [(sent.json["title"], sent.json["type"]) for sent in server.sent[::2]] == [
        ("[FIRING:1] Down (api)", "failure"),
        ("[RESOLVED] Down (b:1 api warning)", "success"),
    ]


@needs_apprise
async def test_a_failure_is_tried_again_and_tells_no_secret(caplog):
    with caplog.at_level(logging.DEBUG):
        async with web(reply(500)) as server:
            result = await told("apprise", {"urls": [f"{server.base.replace('http', 'json')}/{SECRET}"]})
    assert (result.error, result.retry) == ("Apprise could not send to all of its URLs", True)
    assert SECRET not in caplog.text


@needs_apprise
async def test_a_url_that_apprise_does_not_understand_is_named_by_its_number():
    result = await told("apprise", {"urls": ["json://localhost", f"nosuch://{SECRET}"]})
    assert (result.error, result.retry) == ("Apprise does not understand URL number 2", False)
