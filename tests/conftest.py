"""What holds for every test: none leaves this machine, all are reproducible, browser tests need a browser.

Fixtures that start a store or a server stand in the conftest.py of the folder that uses them.
"""

from __future__ import annotations

import ipaddress
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Two cores are shared by workers, so time says nothing; the same examples everywhere, and more of them on demand.
hypothesis.settings.register_profile("sonde", deadline=None, database=None, derandomize=True)
hypothesis.settings.register_profile("thorough", deadline=None, database=None, max_examples=2_000)
hypothesis.settings.load_profile("sonde")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite golden files with what the code gives now")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Doctests are for src: a module here that holds no tests is imported by those who need it, not collected."""
    is_shared = collection_path.suffix == ".py" and not collection_path.name.startswith(("test_", "conftest"))
    return True if is_shared else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shutil.which("chromium") is None:
        skip = pytest.mark.skip(reason="Chromium is not installed: apt-get install chromium chromium-driver")
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(skip)


@pytest.fixture
def rewrite_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten (`make golden`) instead of compared."""
    return bool(request.config.getoption("--golden"))


@pytest.fixture(scope="session", autouse=True)
def _nothing_leaves_loopback() -> Iterator[None]:
    """A test that connects to another machine, or asks for its name, fails at that line."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _require_loopback(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _require_loopback(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if not _is_local(host):
            raise socket.gaierror(socket.EAI_NONAME, f"tests do not look up {host!r}")
        return getaddrinfo(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


def _require_loopback(address: Any) -> None:
    if isinstance(address, tuple) and not _is_local(address[0]):
        raise AssertionError(f"a test tried to reach {address}; nothing in tests leaves loopback")


def _is_local(host: Any) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    if not text or text in {"localhost", socket.gethostname()}:
        return True
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
