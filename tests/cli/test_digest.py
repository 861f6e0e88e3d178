"""`sonde digest preview` against a server that answers as Sonde's API does."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from sonde.cli.digest import group
from sonde.errors import UserError

ANSWER = {"title": "Week in review", "sections": [], "text": "Week in review\n", "html": "<!DOCTYPE html>\n"}


@pytest.mark.parametrize(("flags", "printed"), [([], "Week in review\n"), (["--html"], "<!DOCTYPE html>\n")])
def test_the_digest_is_printed_as_text_or_as_the_page_of_the_mail(api: Any, flags: list[str], printed: str) -> None:
    api.answer("/api/v1/digest", ANSWER)
    said = CliRunner().invoke(group, ["preview", "--server", api.url, "--tenant", "team", *flags])
    assert (said.exit_code, said.output) == (0, printed)
    assert api.asked[0][2]["x-scope-orgid"] == "team"


def test_where_no_digest_can_be_made_that_is_said(api: Any) -> None:
    error = {"code": "digest_not_configured", "message": "no digest can be made here", "hint": "", "position": None}
    api.answer("/api/v1/digest", {"error": error}, status=404)
    said = CliRunner().invoke(group, ["preview", "--server", api.url])
    assert isinstance(said.exception, UserError)
    assert said.exception.message == "no digest can be made here"
