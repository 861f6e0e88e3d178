from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.receivers.exporters import free_port

PASSWORD = "pass'word/with:signs"
ENCODED = "pass%27word%2Fwith%3Asigns"


@dataclass(frozen=True)
class Server:
    port: int
    folder: Path

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres:{ENCODED}@127.0.0.1:{self.port}/postgres?sslmode=disable"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL of our own with statistics of statements, a table and a replication slot."""
    with _folder() as folder:
        server = Server(free_port(), folder)
        (folder / "password").write_text(PASSWORD)
        _give(folder / "password")
        login = ("--username=postgres", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}")
        _run("initdb", "--pgdata", str(folder / "data"), "--no-sync", *login)
        (folder / "data/postgresql.auto.conf").write_text(
            "fsync = off\nshared_preload_libraries = 'pg_stat_statements'\nlisten_addresses = '127.0.0.1'\n"
            f"unix_socket_directories = '{folder}'\nwal_level = logical\n"
        )
        _give(folder / "data/postgresql.auto.conf")
        with _running(server):
            _sql(server, "CREATE EXTENSION pg_stat_statements")
            _sql(server, "CREATE TABLE shop (id int PRIMARY KEY); INSERT INTO shop SELECT generate_series(1, 1000)")
            _sql(server, "SELECT pg_create_logical_replication_slot('changes', 'test_decoding')")
            yield server


@pytest.fixture(scope="session")
def replica(postgres: Server) -> Iterator[Server]:
    """A replica that follows it."""
    with _folder() as folder:
        server = Server(free_port(), folder)
        follow = (
            "--write-recovery-conf",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--create-slot",
            "--slot=follower",
        )
        _run("pg_basebackup", "--pgdata", str(folder / "data"), "--dbname", postgres.dsn, "--no-sync", *follow)
        with _running(server):
            yield server


def _programs() -> Path:
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found is None and not versions:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return Path(found).resolve().parent if found else versions[-1].parent


def _as_owner() -> list[str]:
    """PostgreSQL refuses to run as root; there it runs as the user that its package made."""
    if os.geteuid() != 0:
        return []
    runuser = shutil.which("runuser", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if runuser is None or subprocess.run(["id", "postgres"], capture_output=True, check=False).returncode:
        pytest.skip(
            "PostgreSQL does not run as root, and there is no runuser, or no user postgres, to run it otherwise"
        )
    return [runuser, "-u", "postgres", "--"]


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, "postgres", "postgres")


def _run(program: str, *arguments: str) -> None:
    command = [*_as_owner(), str(_programs() / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the user postgres may enter, which those of pytest are not."""
    _as_owner()
    folder = Path(tempfile.mkdtemp(prefix="sonde-postgres-"))
    _give(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(server: Server) -> Iterator[None]:
    data = ("--pgdata", str(server.folder / "data"))
    options = f"-p {server.port} -k {server.folder}"
    _run("pg_ctl", *data, "--log", str(server.folder / "log"), "--options", options, "--wait", "start")
    try:
        yield
    finally:
        _run("pg_ctl", *data, "--mode", "immediate", "--wait", "stop")


def _sql(server: Server, text: str) -> None:
    _run("psql", server.dsn, "--quiet", "--command", text)
