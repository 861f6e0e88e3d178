"""Reads a request to ClickHouse's HTTP interface: statement, parameters, settings and format, wherever the client put
them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from sonde.errors import TooLarge, UnsupportedMedia, UserError
from sonde.receivers.compression import DECOMPRESSORS, decompress
from sonde.web.asking import checked_query_id

MAX_BODY_BYTES: Final = 256 << 20

# Ours to answer, not settings: https://clickhouse.com/docs/interfaces/http
_TRANSPORT: Final = frozenset(
    {
        *(
            "query",
            "database",
            "user",
            "password",
            "quota_key",
            "query_id",
            "default_format",
            "session_id",
            "session_check",
        ),
        *(
            "session_timeout",
            "session_timezone",
            "compress",
            "decompress",
            "buffer_size",
            "wait_end_of_query",
            "stacktrace",
        ),
        *("http_write_exception_in_output_format", "client_protocol_version", "enable_http_compression"),
        *("http_zlib_compression_level", "send_progress_in_http_headers", "http_headers_progress_interval_ms", "role"),
        *(
            "cancel_http_readonly_queries_on_client_close",
            "add_http_cors_header",
            "readonly",
            "log_queries",
            "network_compression_method",
        ),
    }
)
# Settings that change how an answer is written, or narrow a query; none that open anything.
_HARMLESS: Final = re.compile(
    r"(?:output_format_(?:json|csv|tsv|native|pretty|values|xml|markdown|parquet|arrow|orc|avro|bson|msgpack|decimal|write|enable|sql)\w*"
    r"|format_csv_\w+|format_tsv_\w+|format_regexp_\w+|date_time_(?:input|output)_format|output_format_(?:compression_level|trim_fixed_string)"
    r"|bool_(?:true|false)_representation|max_result_rows|max_result_bytes|max_execution_time|max_memory_usage|max_rows_to_read"
    r"|max_bytes_to_read|result_overflow_mode|read_overflow_mode|timeout_overflow_mode|max_block_size|max_threads|extremes"
    r"|join_use_nulls|group_by_use_nulls|use_client_time_zone|prefer_column_name_to_alias|limit|offset|final"
    r"|log_comment|max_query_size|cast_keep_nullable|union_default_mode|transform_null_in|aggregate_functions_null_for_empty)\Z"
)
OUR_DATABASES: Final = frozenset({"", "sonde", "default"})


@dataclass(frozen=True, slots=True)
class SqlRequest:
    """A statement with all that came beside it. ``body`` is statement text and, for an INSERT, its data."""

    body: bytes
    parameters: Mapping[str, object]
    settings: Mapping[str, str]
    default_format: str
    database: str
    query_id: str

    @property
    def sql(self) -> str:
        """The statement, when it has no data behind it. Raises ``UserError`` when it is no text."""
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise UserError("the statement is not valid UTF-8", code="clickhouse.62") from None


async def read_request(request: Request, *, query_id: str) -> SqlRequest:
    """Read it. The ``query`` of the address stands before the body, as in ClickHouse."""
    fields: dict[str, str] = dict(request.query_params)
    body = b""
    if request.method == "POST":
        content_type = request.headers.get("content-type", "")
        if content_type.startswith("multipart/form-data"):
            form = await request.form()
            fields |= {name: value for name, value in form.items() if isinstance(value, str)}
        else:
            body = _decoded(await _read_body(request), request.headers.get("content-encoding", ""))
    query = fields.get("query", "").encode()
    return SqlRequest(
        body=query + b"\n" + body if query and body else query or body,
        parameters={
            name.removeprefix("param_"): _parameter(value)
            for name, value in fields.items()
            if name.startswith("param_")
        },
        settings={
            name: value for name, value in fields.items() if name not in _TRANSPORT and not name.startswith("param_")
        },
        default_format=fields.get("default_format") or request.headers.get("x-clickhouse-format") or "TabSeparated",
        database=fields.get("database") or request.headers.get("x-clickhouse-database") or "",
        query_id=checked_query_id(fields.get("query_id", "")) or query_id,
    )


def harmless(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of a reader. Raises ``UserError`` for one that a reader may not change.

    >>> harmless({"max_block_size": "10"})
    {'max_block_size': '10'}
    >>> harmless({"additional_table_filters": "{}"})
    Traceback (most recent call last):
    sonde.errors.UserError: Cannot modify 'additional_table_filters' setting in readonly mode [clickhouse.164]
    """
    for name in settings:
        if not _HARMLESS.match(name):
            raise UserError(f"Cannot modify '{name}' setting in readonly mode", code="clickhouse.164")
    return dict(settings)


async def _read_body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise TooLarge(f"the body is larger than {MAX_BODY_BYTES >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def _decoded(body: bytes, encoding: str) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in DECOMPRESSORS:
        known = ", ".join(sorted(DECOMPRESSORS))
        raise UnsupportedMedia(f"content encoding {encoding!r} is not read here", hint=f"use one of {known}")
    try:
        return decompress(body, encoding, MAX_BODY_BYTES)
    except UserError as error:
        raise UserError(str(error), code="clickhouse.354") from None


_ESCAPES: Final = {
    "\\\\": "\\",
    "\\t": "\t",
    "\\n": "\n",
    "\\r": "\r",
    "\\0": "\0",
    "\\'": "'",
    "\\b": "\b",
    "\\f": "\f",
}
_ITEM: Final = re.compile(r"\s*(?:'((?:[^'\\]|\\.|'')*)'|(-?\d+))\s*(,|\Z)", re.DOTALL)


def _parameter(value: str) -> object:
    r"""A parameter's value: TSV-escaped text, or an array of strings or whole numbers as SQL writes it.

    >>> _parameter("a\\tb"), _parameter("['it\\'s', 'b']"), _parameter("[1,2]")
    ('a\tb', ["it's", 'b'], [1, 2])
    """
    if value == r"\N":
        return None
    if value[:1] == "[" and value[-1:] == "]":
        items = _array(value[1:-1])
        if items is not None:
            return items
    return _unescaped(value)


def _array(text: str) -> list[object] | None:
    items: list[object] = []
    position = 0
    while position < len(text.rstrip()):
        match = _ITEM.match(text, position)
        if match is None:
            return None
        items.append(int(match[2]) if match[2] else _unescaped(match[1].replace("''", "'")))
        position = match.end()
    return items


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", _plain, text, flags=re.DOTALL)


def _plain(escape: re.Match[str]) -> str:
    # As ClickHouse reads it: a backslash before a control character is dropped, before another unknown one it stays.
    return _ESCAPES.get(escape[0]) or (escape[0][1] if escape[0][1] < " " else escape[0])
