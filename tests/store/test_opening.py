"""Opening a store: mended when it must be, migrated when it is older, refused when it is newer or another's."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.store.conftest import StoreClient, off_main_thread
from tests.store.strategies import LOGS, TRACES, log_body, span_body

from sonde.errors import Conflict
from sonde.store import migrate as migrating
from sonde.store.client import Client
from sonde.store.definitions import keep
from sonde.store.embedded import EmbeddedClickHouse, EngineCaps
from sonde.store.migrate import Migration, migrate, migrations
from sonde.store.opening import open_embedded

SECOND = """
import pathlib, sys, threading
from sonde.errors import Conflict
from sonde.store.embedded import EmbeddedClickHouse
try:
    EmbeddedClickHouse(pathlib.Path(sys.argv[1]))
except Conflict as error:
    print(error)
"""


@pytest.fixture(scope="module")
def filled(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose store has a span and a log record, closed."""
    data = tmp_path_factory.mktemp("filled")
    shutil.copytree(empty_store, data / "engine", symlinks=True)
    opened = StoreClient(EmbeddedClickHouse(data / "engine"), data)
    opened.insert_bodies(TRACES, [span_body()])
    opened.insert_bodies(LOGS, [log_body()])
    opened.shut()
    keep(data / "engine", data / "definitions")
    return data


@pytest.fixture
def data(filled: Path, tmp_path: Path) -> Path:
    shutil.copytree(filled, tmp_path / "data", symlinks=True)
    return tmp_path / "data"


def opened(data: Path, look: Callable[[Client], Any] = lambda _: None) -> tuple[list[str], Any]:
    """What opening says, and what is seen then."""
    with ThreadPoolExecutor(1) as threads:
        store = threads.submit(open_embedded, data, EngineCaps()).result()
        try:
            return store.messages, threads.submit(look, store.client).result()
        finally:
            threads.submit(store.client.close).result()


def counts(client: Client) -> list[object]:
    return client.query("SELECT (SELECT count() FROM spans), (SELECT count() FROM logs)").rows[0]


def test_a_sound_store_opens_without_a_word(data: Path) -> None:
    assert opened(data, counts) == ([], [1, 1])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def definition(name: str) -> Callable[[Path], Path]:
    return lambda data: data / "engine" / "metadata" / "sonde" / f"{name}.sql"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(
            lambda data: cut(definition("spans")(data)),
            "the definition spans.sql was damaged and was put back",
            id="a table's definition is cut short",
        ),
        pytest.param(
            lambda data: definition("logs")(data).write_bytes(b""),
            "the definition logs.sql was damaged and was put back",
            id="a table's definition is empty",
        ),
        pytest.param(
            lambda data: definition("stray")(data).write_text("not SQL"),
            "stray.sql does not belong to the store and lies in definitions now",
            id="a foreign file beside them",
        ),
        pytest.param(
            lambda data: cut(definition("span_rows_view")(data)),
            "the definition span_rows_view.sql was damaged and was put back",
            id="a view's definition is cut short",
        ),
        pytest.param(
            lambda data: (data / "engine" / "metadata" / "sonde.sql").write_text("ATTACH DATA"),
            "the definition sonde.sql was damaged and was put back",
            id="the database's definition is cut short",
        ),
    ],
)
def test_a_damaged_definition_is_put_back_and_no_data_is_lost(
    data: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(data)

    assert opened(data, counts) == ([said], [1, 1])
    assert opened(data, counts) == ([], [1, 1])


def test_what_is_set_aside_is_kept(data: Path) -> None:
    definition("stray")(data).write_text("not SQL")
    opened(data)

    assert (data / "quarantine" / "definitions" / "stray.sql.0").read_text() == "not SQL"


@pytest.mark.parametrize("copied", [False, True])
def test_a_link_of_the_engine_that_a_copy_lost_or_followed_is_no_loss(data: Path, copied: bool) -> None:
    """As `cp -rL` leaves it: the folder of definitions is a folder, or nothing, instead of a link."""
    link = data / "engine" / "metadata" / "sonde"
    target = link.resolve()
    link.unlink()
    if copied:
        shutil.copytree(target, link)

    assert opened(data, counts)[1] == [1, 1]
    assert link.is_symlink()


def test_damage_that_cannot_be_mended_is_told_in_the_engines_words(data: Path) -> None:
    cut(definition("spans")(data))
    shutil.rmtree(data / "definitions")

    with pytest.raises(Conflict, match="does not open") as refused:
        opened(data)
    assert "spans" in refused.value.message


def test_a_broken_part_is_set_aside_and_the_others_are_read(data: Path) -> None:
    [store] = [p for p in (data / "engine" / "store").glob("*/*") if (p / "format_version.txt").exists() and _is_table(p, data, "logs")]  # fmt: skip
    [part] = [p for p in store.iterdir() if (p / "checksums.txt").exists()]
    column = max(part.glob("*.bin"), key=lambda path: path.stat().st_size)
    column.write_bytes(b"")

    messages, found = opened(data, counts)
    assert len(messages) == 1
    assert messages[0].startswith("1 broken parts of logs (")
    assert found == [1, 0]


def _is_table(store: Path, data: Path, table: str) -> bool:
    return store.name in definition(table)(data).read_text()


def test_a_second_process_is_refused_in_words(data: Path) -> None:
    def ask(_: Client) -> str:
        command = [sys.executable, "-c", SECOND, str(data / "engine")]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    _, said = opened(data, ask)
    assert "does not open" in said
    assert "is another process using this directory?" in said


def test_the_engine_takes_no_pyarrow_along(tmp_path: Path) -> None:
    """It is 40 MB of an idle server; the application around the engine can still import it."""
    command = [sys.executable, "-c", _LIGHT, str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)


_LIGHT = """
import pathlib, sys, threading
from sonde.store.embedded import EmbeddedClickHouse
engine = EmbeddedClickHouse(pathlib.Path(sys.argv[1]))
assert "chdb" in sys.modules
assert not {"pyarrow", "pandas", "numpy"} & set(sys.modules)
closing = threading.Thread(target=engine.close)
closing.start()
closing.join()
import pyarrow
"""


def test_migrating_twice_does_nothing_the_second_time(data: Path) -> None:
    assert opened(data, migrate)[1] == []


def test_a_store_of_a_newer_sonde_is_refused_and_left_as_it_is(data: Path) -> None:
    newer = "INSERT INTO schema_migrations (version, name) SELECT 9999, 'from the future'"
    opened(data, lambda client: client.command(newer))

    with pytest.raises(Conflict, match="schema version 9999") as refused:
        opened(data)
    assert refused.value.code == "store_is_newer"
    remove = "ALTER TABLE schema_migrations DELETE WHERE version = 9999 SETTINGS mutations_sync = 1"
    engine = EmbeddedClickHouse(data / "engine")
    off_main_thread(engine.command, remove)
    off_main_thread(engine.close)
    assert opened(data, counts) == ([], [1, 1])


class _Interrupted(Exception):
    pass


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[StoreClient]:
    client = StoreClient(EmbeddedClickHouse(tmp_path / "fresh"), tmp_path)
    yield client
    client.shut()


def test_an_interrupted_migration_is_done_again_from_its_first_statement(
    fresh: StoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = [
        Migration(1, "first", "CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Null;\n"),
        Migration(
            2,
            "second",
            "CREATE TABLE IF NOT EXISTS b (x Int8) ENGINE = Null;\nCREATE TABLE IF NOT EXISTS c (x Int8) ENGINE = Null;\n",
        ),
    ]
    monkeypatch.setattr(migrating, "migrations", lambda: two)
    ran: list[str] = []

    class Interrupting:
        def __getattr__(self, name: str) -> Any:
            return getattr(fresh, name)

        def command(self, sql: str) -> None:
            if " c " in sql and not any(" c " in each for each in ran):
                ran.append(sql)
                raise _Interrupted
            ran.append(sql)
            fresh.command(sql)

    with pytest.raises(_Interrupted):
        migrate(Interrupting())  # type: ignore[arg-type]
    before = fresh.rows("SELECT version FROM schema_migrations")
    again = migrate(Interrupting())  # type: ignore[arg-type]

    assert before == [[1]]
    assert [migration.version for migration in again] == [2]
    assert fresh.rows("SELECT name FROM system.tables WHERE database = 'sonde' AND length(name) = 1 ORDER BY name") == [["a"], ["b"], ["c"]]  # fmt: skip


REPEATABLE = re.compile(r"CREATE (TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS |ALTER TABLE \w+ +MODIFY COLUMN ")


def test_schema_files_are_numbered_without_gaps_and_can_be_applied_again() -> None:
    found = migrations()

    assert [migration.version for migration in found] == list(range(1, len(found) + 1))
    for migration in found:
        for statement in migration.statements():
            assert REPEATABLE.match(statement), statement[:80]
