"""A ClickHouse server or cluster over HTTP, behind the ``Client`` protocol (clickhouse-connect).

The same SQL, parameters and segments as the embedded engine. Limits and tokens travel as settings of each request.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sonde.errors import Unavailable
from sonde.store.client import DATABASE, Limits, Result, insert_settings, parameter_text, sonde_error

_OWN_SETTINGS = {"enable_time_series_aggregate_functions": "1", "output_format_json_quote_64bit_integers": "0"}


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the server is and who we are to it."""

    url: str
    user: str = "default"
    password: str = ""


class ClickHouseServer:
    """A ``Client`` on a ClickHouse HTTP interface."""

    def __init__(self, address: ServerAddress) -> None:
        """Connect.

        Raises:
            Unavailable: nobody answers there.
        """
        import clickhouse_connect

        with _server_errors():
            self._client: Any = clickhouse_connect.get_client(
                dsn=None,
                **_location(address.url),
                username=address.user,
                password=address.password,
                autogenerate_session_id=False,
                query_limit=0,
            )

    def query(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> Result:
        """See ``Client.query``."""
        return Result.from_json_compact(
            self.query_bytes(sql, parameters, output_format="JSONCompact", limits=limits, query_id=query_id)
        )

    def query_bytes(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> bytes:
        """See ``Client.query_bytes``."""
        return self._ask(sql, parameters, output_format, {**_OWN_SETTINGS, **limits.settings()}, query_id)

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
        """See ``Client.query_untrusted``: with ``readonly = 1`` the statement cannot change what it came with."""
        chosen = {**_OWN_SETTINGS, **settings, **limits.settings(), "readonly": "1"}
        return self._ask(sql, parameters, output_format, chosen, query_id)

    def stream(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> Iterator[bytes]:
        """See ``Client.stream``."""
        with _server_errors():
            source = self._client.raw_stream(
                sql,
                parameters=_parameters(parameters),
                settings=_with_id({**_OWN_SETTINGS, **limits.settings()}, query_id),
                fmt=output_format,
            )
            try:
                while block := source.read(1 << 20):
                    yield block
            finally:
                source.close()

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """See ``Client.command``."""
        with _server_errors():
            self._client.command(sql, parameters=_parameters(parameters), settings=_in_database(sql))

    def insert_file(
        self, table: str, path: Path, *, input_format: str, token: str, settings: Mapping[str, str]
    ) -> None:
        """See ``Client.insert_file``: the file is the body of the request, read as it is sent."""
        with path.open("rb") as body, _server_errors():
            self._client.raw_insert(
                f"{DATABASE}.{table}",
                insert_block=body,
                fmt=input_format,
                settings={**insert_settings(token), **settings},
            )

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, token: str) -> None:
        """See ``Client.insert_rows``."""
        if not rows:
            return
        lines = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        with _server_errors():
            self._client.raw_insert(
                f"{DATABASE}.{table}",
                column_names=list(columns),
                insert_block=lines.encode(),
                fmt="JSONCompactEachRow",
                settings=insert_settings(token),
            )

    def kill(self, query_id: str) -> bool:
        """See ``Client.kill``."""
        killed = self._ask("KILL QUERY WHERE query_id = {id:String} ASYNC", {"id": query_id}, "TabSeparated", {}, None)
        return bool(killed.strip())

    def close(self) -> None:
        """Close the connections; the server goes on."""
        self._client.close()

    def _ask(
        self,
        sql: str,
        parameters: Mapping[str, object] | None,
        output_format: str,
        settings: Mapping[str, str],
        query_id: str | None,
    ) -> bytes:
        with _server_errors():
            answer: bytes = self._client.raw_query(
                sql,
                parameters=_parameters(parameters),
                settings=_with_id({**settings, "database": DATABASE}, query_id),
                fmt=output_format,
            )
            return answer


@dataclass(frozen=True, slots=True)
class _Written:
    """A parameter's text, which the driver takes over as it is; what it writes itself of arrays comes back altered."""

    text: str

    def __str__(self) -> str:
        return self.text


def _parameters(parameters: Mapping[str, object] | None) -> dict[str, object]:
    return {name: _Written(parameter_text(value)) for name, value in (parameters or {}).items()}


def _with_id(settings: Mapping[str, str], query_id: str | None) -> dict[str, str]:
    return {**settings, "database": DATABASE, "query_id": query_id or uuid.uuid4().hex}


def _in_database(sql: str) -> dict[str, str]:
    return {} if sql.lstrip().upper().startswith("CREATE DATABASE") else {"database": DATABASE}


def _location(url: str) -> dict[str, Any]:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    location: dict[str, Any] = {
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or (8443 if secure else 8123),
        "secure": secure,
    }
    if parts.path.strip("/"):
        location["proxy_path"] = parts.path
    return location


@contextlib.contextmanager
def _server_errors() -> Iterator[None]:
    """What the server or the network says, as errors that a caller of Sonde can act on."""
    from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError
    from clickhouse_connect.driver.exceptions import OperationalError

    try:
        yield
    except OperationalError as error:
        raise Unavailable(f"the ClickHouse server does not answer: {error}", code="clickhouse.210") from error
    except DriverError as error:
        raise sonde_error(str(error)) from error
