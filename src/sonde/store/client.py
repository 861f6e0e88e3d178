"""What the rest of Sonde may ask of ClickHouse, whichever ClickHouse it is.

Two implementations: ``embedded.EmbeddedClickHouse`` (chDB, in this process) and ``server.ClickHouseServer`` (HTTP).
All calls block; surfaces use ``pool.AsyncStore``. Values travel as server-side parameters (``{name:Type}``), never as
SQL text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sonde.errors import Conflict, InternalError, LimitExceeded, SondeError, Unavailable

DATABASE = "sonde"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may cost; going beyond any of them raises ``LimitExceeded``. ``None`` is no limit."""

    execution_seconds: float = 30.0
    memory_bytes: int = 1 << 30
    result_rows: int | None = 1_000_000
    result_bytes: int | None = 256 << 20
    rows_to_read: int | None = None

    def settings(self) -> dict[str, str]:
        """ClickHouse's names for these limits.

        >>> Limits(execution_seconds=1.5, result_rows=None, result_bytes=None).settings()
        {'max_execution_time': '1.5', 'max_memory_usage': '1073741824'}
        """
        named = {
            "max_execution_time": self.execution_seconds,
            "max_memory_usage": self.memory_bytes,
            "max_result_rows": self.result_rows,
            "max_result_bytes": self.result_bytes,
            "max_rows_to_read": self.rows_to_read,
        }
        return {name: str(value) for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result: its name and ClickHouse type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Stats:
    """What a query read and how long it took inside the engine."""

    rows_read: int = 0
    bytes_read: int = 0
    elapsed_seconds: float = 0.0

    def __add__(self, other: Stats) -> Stats:
        return Stats(
            self.rows_read + other.rows_read,
            self.bytes_read + other.bytes_read,
            self.elapsed_seconds + other.elapsed_seconds,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """A small result as JSON gives it: 64-bit integers are int, Map is dict, DateTime is text, NaN is None."""

    columns: tuple[Column, ...]
    rows: list[list[object]]
    stats: Stats = field(default_factory=Stats)

    @classmethod
    def from_json_compact(cls, text: bytes) -> Result:
        """Read ClickHouse's JSONCompact format; an empty text (a statement without a result) is an empty result."""
        if not text:
            return cls((), [])
        document = json.loads(text)
        statistics = document.get("statistics", {})
        return cls(
            tuple(Column(column["name"], column["type"]) for column in document["meta"]),
            document["data"],
            Stats(statistics.get("rows_read", 0), statistics.get("bytes_read", 0), statistics.get("elapsed", 0.0)),
        )

    def dicts(self) -> list[dict[str, object]]:
        """The rows as dicts by column name."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


class Client(Protocol):
    """A ClickHouse. Each method blocks, is called from any thread but the main one, and raises ``SondeError``s only."""

    def query(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> Result:
        """Run our own SELECT, which has neither FORMAT nor SETTINGS of its own."""
        ...

    def query_bytes(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> bytes:
        """As ``query``, in any of ClickHouse's output formats."""
        ...

    def query_untrusted(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        settings: Mapping[str, str],
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> bytes:
        """Run a user's statement read-only under ``settings``, which it cannot change."""
        ...

    def stream(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> Iterator[bytes]:
        """As ``query_bytes``, block by block, for results that should not be held in memory."""
        ...

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement that answers nothing (DDL, TRUNCATE, INSERT … SELECT)."""
        ...

    def insert_file(
        self, table: str, path: Path, *, input_format: str, token: str, settings: Mapping[str, str]
    ) -> None:
        """Insert a whole file. The same token inserts once, in the table and in every table its views feed."""
        ...

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, token: str) -> None:
        """Insert a few rows of JSON-like values, once per token. No rows is no statement."""
        ...

    def kill(self, query_id: str) -> bool:
        """Stop a running query; False when there is none of that id."""
        ...

    def close(self) -> None:
        """Stop what runs and close; nothing may be asked afterwards."""
        ...


def insert_settings(token: str) -> dict[str, str]:
    """Exactly once: with the token, a table and all tables behind its views skip what they have.

    Blocks must be cut the same way each time, since the token counts them: hence one thread and fixed block sizes.
    """
    return {
        "async_insert": "0",
        "insert_deduplicate": "1",
        "deduplicate_blocks_in_dependent_materialized_views": "1",
        "insert_deduplication_token": token,
        "max_insert_threads": "1",
        "max_insert_block_size": "1048449",
        "max_block_size": "65409",
        "min_insert_block_size_rows": "1048449",
        "min_insert_block_size_bytes": "1073741824",
        "throw_on_max_partitions_per_insert_block": "0",
        "max_partitions_per_insert_block": "0",
        "materialized_views_ignore_errors": "0",
        "parallel_view_processing": "0",
        "optimize_on_insert": "0",  # views group what they write; to merge it once more gains nothing
        "output_format_json_escape_forward_slashes": "0",  # toJSONString in the views
    }


def parameter_text(value: object) -> str:
    r"""A value as ClickHouse reads a server-side parameter: TSV-escaped text; lists as SQL array literals.

    >>> parameter_text("a\tb\\c"), parameter_text(True), parameter_text(None), parameter_text(["it's", 2])
    ('a\\tb\\\\c', '1', '\\N', "['it\\'s',2]")
    """
    match value:
        case None:
            return r"\N"
        case bool():
            return "1" if value else "0"
        case int() | float():
            return repr(value)
        case str():
            return _escape(value)
        case list() | tuple():
            return "[" + ",".join(_literal(item) for item in value) + "]"
        case _:
            raise InternalError(f"a {type(value).__name__} cannot be a query parameter")


def _escape(text: str) -> str:
    return (
        text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r").replace("\0", "\\0")
    )


def _literal(value: object) -> str:
    if isinstance(value, str):
        return "'" + _escape(value).replace("'", "\\'") + "'"
    return parameter_text(value)


# ClickHouse's error numbers, by what Sonde's caller should do about them.
# https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
_LIMIT_CODES = {
    158,
    159,
    160,
    241,
    307,
    396,
}  # too many rows, timeout, too slow, memory, too many bytes, result too large
_CANCELLED_CODE = 394
# read, too many queries, network (2), table is locked, abort, read-only, disk, parts, unknown state, keeper
_TRY_AGAIN_CODES = {74, 202, 209, 210, 218, 236, 242, 243, 252, 319, 999}
_NO_SUCH_TABLE_CODES = {60, 81}  # a mistake in a question, but in an insert the store's fault, not the data's
_PASSING_CODES = frozenset({_CANCELLED_CODE, 159, 241, *_NO_SUCH_TABLE_CODES, *_TRY_AGAIN_CODES})


class ClickHouseError(SondeError):
    """ClickHouse refused; ``number`` is its error code."""

    default_code = "clickhouse"
    http_status = 400

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message, code=f"clickhouse.{number}")
        self.number = number


def error_number(message: str) -> int:
    """The number in ``Code: 62. DB::Exception: …``, 0 where there is none.

    >>> error_number("Code: 62. DB::Exception: Syntax error")
    62
    """
    _, found, rest = message.partition("Code: ")
    digits = rest.partition(".")[0]
    return int(digits) if found and digits.isdigit() else 0


def sonde_error(message: str) -> SondeError:
    """ClickHouse's error text as the error a caller of Sonde can act on."""
    number = error_number(message)
    first_line = message.strip().partition("\n")[0][:2000]
    if number in _LIMIT_CODES:
        return LimitExceeded(
            first_line, code=f"clickhouse.{number}", hint="narrow the time range or the filters, or raise the limit"
        )
    if number == _CANCELLED_CODE:
        return Conflict("the query was cancelled", code="query_cancelled")
    if number in _TRY_AGAIN_CODES:
        return Unavailable(first_line, code=f"clickhouse.{number}")
    return ClickHouseError(first_line, number)


def may_pass(error: SondeError) -> bool:
    """Whether an insert that failed so may work later with the same data: engine, disk or network were at fault."""
    number = error.number if isinstance(error, ClickHouseError) else error_number_of(error)
    return number in _PASSING_CODES or isinstance(error, Unavailable)


def error_number_of(error: SondeError) -> int:
    """ClickHouse's number behind one of our errors, from its code ``clickhouse.<number>``."""
    prefix, _, digits = error.code.partition(".")
    if error.code == "query_cancelled":
        return _CANCELLED_CODE
    return int(digits) if prefix == "clickhouse" and digits.isdigit() else 0
