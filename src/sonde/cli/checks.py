"""What `sonde doctor` looks at: a table of checks, each a function from settings to findings."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from importlib import resources
from importlib.metadata import PackageNotFoundError, requires
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Literal

from sonde.config import Address, Settings
from sonde.config.values import format_size
from sonde.errors import Conflict
from sonde.store.cpu import lacks_avx2, read_cpuinfo
from sonde.store.lock import DirectoryLock

OPEN_FILES_WANTED = 8_192
FREE_DISK_WANTED = 5 * 10**9
FREE_DISK_NEEDED = 10**9
MEMORY_FOR_SONDE = 400 * 10**6
"""What the process takes beside the engine's cap."""
SERVER_TIMEOUT_SECONDS = 5
EARLIEST_NOW = 1_767_225_600
"""1 January 2026: a clock before it is not set."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and what to do about it."""

    verdict: Literal["good", "warning", "bad"]
    subject: str
    detail: str
    cure: str = ""


Check = Callable[[Settings], Iterator[Finding]]


def check_python(_: Settings) -> Iterator[Finding]:
    """The platform is one that Sonde is tested on; pip refuses a Python that is too old."""
    version = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if platform.system() != "Linux":
        yield Finding("warning", "python", version, "Sonde is tested on Linux; elsewhere you are the first")
    else:
        yield Finding("good", "python", version)


def check_processor(settings: Settings) -> Iterator[Finding]:
    """The embedded engine can be imported without killing the process."""
    if settings.store.engine != "embedded":
        return
    if lacks_avx2(platform.machine(), read_cpuinfo()):
        cure = "set the virtual machine's CPU type to host or x86-64-v3, or use store.engine: server"
        yield Finding("bad", "processor", "no AVX2, which the embedded ClickHouse needs", cure)
    else:
        yield Finding("good", "processor", f"{os.cpu_count()} cores, runs the embedded ClickHouse")


_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?(?:==(?P<exact>[^;,\s]+))?[^;]*(?:;.*\bserver\b.*)"
)


def check_packages(_: Settings) -> Iterator[Finding]:
    """All that the server extra asks for is here, and the engine is the one that was tested."""
    wanted = [
        found
        for text in requires("sonde") or ()
        if (found := _REQUIREMENT.fullmatch(text)) and found["name"] != "sonde"
    ]
    wrong = []
    for package in wanted:
        try:
            version = installed_version(package["name"])
        except PackageNotFoundError:
            wrong.append(f"{package['name']} is missing")
        else:
            if package["exact"] not in {None, version}:
                wrong.append(f"{package['name']} is {version}, tested with {package['exact']}")
    if wrong:
        yield Finding("bad", "packages", "; ".join(wrong), "pip install 'sonde[server]'")
    else:
        yield Finding(
            "good", "packages", f"sonde {installed_version('sonde')}, ClickHouse {installed_version('chdb-core')}"
        )


def check_ui(_: Settings) -> Iterator[Finding]:
    """The pages are there; a wheel has them, a checkout must build them."""
    if (resources.files("sonde.web") / "static" / "index.html").is_file():
        yield Finding("good", "ui", "built")
    else:
        yield Finding("warning", "ui", "the pages are not built; the API works without them", "make ui")


def check_server(settings: Settings) -> Iterator[Finding]:
    """The ClickHouse server answers, where there is one."""
    if settings.store.engine != "server":
        return
    url = settings.store.url.rstrip("/")
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=SERVER_TIMEOUT_SECONDS) as response:  # noqa: S310 -- http(s) only
            answer = response.read(16).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        cure = "start it, or mend store.url; the port is that of HTTP, 8123 by default"
        yield Finding("bad", "clickhouse", f"{url}: {getattr(error, 'reason', error)}", cure)
        return
    if answer == "Ok.":
        yield Finding("good", "clickhouse", f"{url} answers")
    else:
        yield Finding("bad", "clickhouse", f"{url} is not the HTTP interface of ClickHouse", "mend store.url")


def check_data(settings: Settings) -> Iterator[Finding]:
    """The data directory can be written, and there is room."""
    existing = next(folder for folder in (settings.data, *settings.data.parents) if folder.exists())
    if not existing.is_dir():
        yield Finding("bad", "data", f"{existing} is not a folder", "name another with --data or SONDE_DATA")
        return
    if not os.access(existing, os.W_OK | os.X_OK):
        yield Finding(
            "bad",
            "data",
            f"{existing} cannot be written by user {os.getuid()}",
            "chown it, or name another with --data",
        )
        return
    yield _who_has(settings.data)
    free = shutil.disk_usage(existing).free
    verdict: Literal["good", "warning", "bad"] = "good"
    if free < FREE_DISK_WANTED:
        verdict = "bad" if free < FREE_DISK_NEEDED else "warning"
    cure = "" if verdict == "good" else "make room, or bound what is kept: retention.max_bytes"
    yield Finding(verdict, "disk", f"{free / 1e9:.1f} GB free", cure)


def _who_has(data: Path) -> Finding:
    if not data.exists():
        return Finding("good", "data", f"{data} (will be made)")
    try:
        DirectoryLock(data).release()
    except Conflict as error:
        return Finding("warning", "data", error.message, error.hint)
    return Finding("good", "data", f"{data} is free")


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Nobody else listens where Sonde would."""
    for key, address in (
        ("listen", settings.listen),
        ("otlp_grpc", settings.otlp_grpc),
        ("otlp_http", settings.otlp_http),
    ):
        if reason := _why_not_free(address):
            cure = f"end what listens there (a running Sonde?), or choose another with --{key.replace('_', '-')}"
            yield Finding("warning", f"port {address.port}", f"{key} {address}: {reason}", cure)
        else:
            yield Finding("good", f"port {address.port}", f"{key} {address} is free")


def _why_not_free(address: Address) -> str:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address.host, address.port))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return ""


def check_open_files(_: Settings) -> Iterator[Finding]:
    """The process may open as many files as the engine may need; Sonde raises the soft limit to the hard one itself."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES_WANTED:
        cure = f"raise it to {OPEN_FILES_WANTED:,}: LimitNOFILE= in systemd, --ulimit nofile= in Docker"
        yield Finding("warning", "open files", f"at most {hard:,}", cure)
    else:
        yield Finding("good", "open files", "no limit" if hard == resource.RLIM_INFINITY else f"at most {hard:,}")


def check_memory(settings: Settings) -> Iterator[Finding]:
    """The machine has the memory that the engine is allowed to use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _control_group_limit(Path("/sys/fs/cgroup/memory.max"))
    total = min(total, limit) if limit else total
    if settings.store.engine == "embedded" and total < settings.engine.memory + MEMORY_FOR_SONDE:
        cure = f"lower engine.memory (now {format_size(settings.engine.memory)}), or give the machine more"
        yield Finding("warning", "memory", f"{total / 1e9:.1f} GB", cure)
    else:
        yield Finding("good", "memory", f"{total / 1e9:.1f} GB")


def _control_group_limit(file: Path) -> int | None:
    text = file.read_text(encoding="ascii").strip() if file.exists() else "max"
    return int(text) if text.isdecimal() else None


def check_clock(_: Settings) -> Iterator[Finding]:
    """The clock is set: telemetry from other machines would lie in the future otherwise."""
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if time.time() < EARLIEST_NOW:
        yield Finding("bad", "clock", now, "set the clock, best by NTP")
    else:
        yield Finding("good", "clock", now)


def check_open_door(settings: Settings) -> Iterator[Finding]:
    """Nobody can reach Sonde from elsewhere without a key."""
    doors = ", ".join(f"{key} {address}" for key, address in settings.open_doors.items())
    if not doors:
        yield Finding("good", "access", "from this machine only")
    elif settings.api_key is None:
        cure = "sonde keys create NAME --role admin; without any key `sonde serve` will not start"
        yield Finding("warning", "access", f"{doors} is open to other machines", cure)
    else:
        yield Finding("good", "access", f"{doors} asks for a key")


CHECKS: tuple[Check, ...] = (
    check_python,
    check_processor,
    check_packages,
    check_ui,
    check_server,
    check_memory,
    check_data,
    check_open_files,
    check_ports,
    check_open_door,
    check_clock,
)
