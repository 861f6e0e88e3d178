"""loguru joins in. It has one logger for a process, so each test has a Python of its own."""

from __future__ import annotations

import pytest

PROGRAM = """
    import sys
    {first}
    import sonde
    handle = sonde.configure(service="shop")
    from loguru import logger
    {own}
    with sonde.context(tenant_id="acme"):
        logger.bind(amount=12, token="x").success("paid by {{}}", "ada")
    try:
        raise LookupError("gone")
    except LookupError:
        logger.exception("failed")
    assert handle.flush(10)
"""


@pytest.mark.parametrize("first", ["import sys", "import loguru"], ids=["imported after", "imported before"])
def test_records_are_lines_and_log_records(python, sink, first):
    done = python(PROGRAM.format(first=first, own=""))
    assert (done.code, done.err) == (0, "")
    paid, failed = done.lines
    assert (
        paid.items()
        >= {"level": "info", "message": "paid by ada", "tenant_id": "acme", "amount": 12, "token": "[redacted]"}.items()
    )
    assert "LookupError: gone" in failed["exception"]
    assert sink.log("paid by ada").attributes == {"tenant_id": "acme", "amount": 12, "token": "[redacted]"}
    assert sink.log("failed").attributes["exception.type"] == "LookupError"


def test_a_host_with_sinks_of_its_own_keeps_them_and_is_sent_all_the_same(python, sink):
    done = python(
        PROGRAM.format(first="import sys", own="logger.remove(); logger.add(sys.stdout, format='OWN {message}')")
    )
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == "OWN paid by ada"
    assert done.lines == []
    assert sink.log("paid by ada")
