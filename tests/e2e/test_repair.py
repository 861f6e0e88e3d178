"""What is broken at start-up is mended or set aside, said, and costs nothing but itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e import bodies
from tests.e2e.frames import framed
from tests.e2e.server_process import running

pytestmark = pytest.mark.e2e

WHOLE = 6  # batches of each signal in the store before anything is broken


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with one of each damage."""
    data = tmp_path_factory.mktemp("broken") / "data"
    with running(data) as server:
        for batch in range(WHOLE):
            assert server.send("traces", bodies.spans(batch)).status == 200
            assert server.send("logs", bodies.logs(batch)).status == 200
            server.wait_until_inserted()
        assert server.stop() == 0
    logs = data / "segments" / "logs"
    _segment(
        logs / "0001-torn.segment", [bodies.logs(100), bodies.logs(101)], lambda frames: frames[0] + frames[1][:-9]
    )
    _segment(logs / "0002-damaged.segment", [bodies.logs(200 + n) for n in range(3)], _damage_the_second)
    _truncate_a_column_of(data, "red_1m")
    definitions = data / "engine" / "metadata" / "sonde"
    _table_file(definitions, "spans").write_bytes(b"ATTACH TABLE _ UUID '")
    (definitions / "notes.txt.sql").write_text("do not forget the milk")
    return data


@dataclass(frozen=True)
class Seen:
    """What was seen of the mended server, and of the same data at the next start."""

    messages: list[str]
    log: str
    counts: list[list[str]]
    log_batches: list[list[str]]
    messages_again: list[str]
    counts_again: list[list[str]]


COUNTS = "SELECT (SELECT count() FROM spans), (SELECT uniqExact(span_id) FROM spans), (SELECT sum(span_count) FROM trace_index)"


@pytest.fixture(scope="module")
def seen(broken: Path) -> Seen:
    with running(broken) as server:
        server.wait_until_inserted()
        messages, log, counts = server.messages(), server.log.read_text(), server.sql(COUNTS)
        batches = server.sql("SELECT attr_int['batch'] AS b, count() FROM logs WHERE b >= 100 GROUP BY b ORDER BY b")
        assert server.send("traces", bodies.spans(900)).status == 200
        server.wait_until_inserted()
        assert server.stop() == 0
    with running(broken) as again:
        return Seen(messages, log, counts, batches, again.messages(), again.sql(COUNTS))


@pytest.mark.parametrize(
    "words",
    [
        "were torn, never acknowledged, and are cut off",
        "damaged bytes of logs lie in",
        "broken parts of red_1m",
        "the definition spans.sql was damaged and was put back",
        "notes.txt.sql does not belong to the store",
    ],
)
def test_it_says_what_it_found(seen: Seen, words: str) -> None:
    assert any(words in message for message in seen.messages), seen.messages
    assert words in seen.log


def test_all_that_was_not_broken_is_there_once(seen: Seen) -> None:
    assert seen.counts == [[str(WHOLE * bodies.SPANS)] * 3]
    assert seen.log_batches == [["100", "40"], ["200", "40"], ["202", "40"]]


def test_it_takes_new_data_and_starts_again_without_repairs(seen: Seen) -> None:
    """The broken part stays aside, so it is still said; nothing else is."""
    assert [message for message in seen.messages_again if "broken parts" not in message] == []
    assert seen.counts_again == [[str((WHOLE + 1) * bodies.SPANS)] * 3]


def _segment(path: Path, content: list[bytes], change: Callable[[list[bytes]], bytes]) -> None:
    path.write_bytes(change([framed(body) for body in content]))


def _damage_the_second(frames: list[bytes]) -> bytes:
    changed = bytearray(frames[1])
    changed[len(changed) // 2] ^= 0xFF
    return frames[0] + bytes(changed) + frames[2]


def _table_file(definitions: Path, table: str) -> Path:
    [path] = definitions.glob(f"{table}.sql")
    return path


def _truncate_a_column_of(data: Path, table: str) -> None:
    """The largest column of an active part: cut in half, as a disk fault would."""
    text = _table_file(data / "engine" / "metadata" / "sonde", table).read_text()
    uuid = text.partition("UUID '")[2].partition("'")[0]
    parts = data / "engine" / "store" / uuid[:3] / uuid
    newest = max(
        (part for part in parts.iterdir() if (part / "checksums.txt").exists()), key=lambda p: p.stat().st_mtime
    )
    largest = max(newest.glob("*.bin"), key=lambda path: path.stat().st_size)
    with largest.open("rb+") as file:
        file.truncate(largest.stat().st_size // 2)
