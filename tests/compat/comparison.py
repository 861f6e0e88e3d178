"""Asks Sonde and Prometheus the same, and says where their answers differ."""

from __future__ import annotations

import http.client
import json
import math
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

PLACES = {
    "query": {"time": "1700002520.513"},
    "query_range": {"start": "1700002000.513", "end": "1700003550.513", "step": "61"},
}
"""Far enough behind the first samples that no range reaches them: Prometheus 3 extrapolates there otherwise."""


@dataclass(frozen=True)
class Api:
    """A server's API; its connection is kept, as clients do."""

    port: int
    prefix: str = ""
    _kept: list[http.client.HTTPConnection] = field(default_factory=list, compare=False)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Parameters go into the address of a GET, and into the form of a POST."""
        form = urllib.parse.urlencode(parameters or {}, doseq=True)
        sent = dict(headers or {})
        if method == "POST" and body is None:
            body = form.encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
            form = ""
        address = f"{self.prefix}{path}" + (f"?{form}" if form else "")
        if not self._kept:
            self._kept.append(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))
        connection = self._kept[0]
        try:
            connection.request(method, address, body, sent)
            answer = connection.getresponse()
        except ConnectionError:  # closed by the server, which waits a few seconds for the next request
            connection.close()
            connection.request(method, address, body, sent)
            answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def close(self) -> None:
        """Forget the connection."""
        while self._kept:
            self._kept.pop().close()

    def json(self, path: str, parameters: Mapping[str, Any] | None = None, method: str = "GET") -> tuple[int, Any]:
        status, _, body = self.ask(method, f"/api/v1/{path}", parameters)
        return status, json.loads(body)

    def evaluated(self, expression: str, endpoint: str) -> tuple[int, bytes]:
        """The answer to an expression, as it came."""
        status, _, body = self.ask("GET", f"/api/v1/{endpoint}", {"query": expression, **PLACES[endpoint]})
        return status, body


def differences(
    sonde: Api, genuine: Api, ours: str, theirs: str, tolerance: float = 0.0, endpoints: Iterable[str] = PLACES
) -> list[str]:
    """Where the answers of Sonde to one expression are not those of Prometheus to another."""
    found = []
    for endpoint in endpoints:
        answers = sonde.evaluated(ours, endpoint), genuine.evaluated(theirs, endpoint)
        if answers[0] == answers[1]:
            continue
        said = difference(*(_comparable(status, body, ours) for status, body in answers), tolerance)
        if said:
            found.append(f"{endpoint} {ours}: {said}")
    return found


def _comparable(status: int, body: bytes, expression: str) -> list[Any]:
    """An answer without what Prometheus 2 does not tell, or in no order."""
    answer = json.loads(body)
    answer.pop("infos", None)
    answer.pop("warnings", None)
    if "error" in answer:
        said = answer["error"].removeprefix('invalid parameter "query": ')  # which 2.42 has with instant queries only
        # which of several duplicates are found first is another matter
        answer["error"] = said.partition(" the match group {")[0]
    elif answer["data"]["resultType"] in ("vector", "matrix") and not expression.startswith("sort"):
        answer["data"]["result"].sort(key=lambda series: sorted(series["metric"].items()))
    return [status, answer]


def difference(ours: Any, theirs: Any, tolerance: float = 0.0, where: str = "") -> str:
    """Where two answers differ, or ""."""
    match ours, theirs:
        case dict(), dict():
            if list(ours) != list(theirs):
                return f"{where}: {list(ours)} instead of {list(theirs)}"
            return next(
                (found for key in ours if (found := difference(ours[key], theirs[key], tolerance, f"{where}.{key}"))),
                "",
            )
        case list(), list():
            if len(ours) != len(theirs):
                return f"{where}: {len(ours)} instead of {len(theirs)} elements: {ours} {theirs}"[:500]
            return next(
                (
                    found
                    for index, pair in enumerate(zip(ours, theirs, strict=True))
                    if (found := difference(*pair, tolerance, f"{where}[{index}]"))
                ),
                "",
            )
        case _:
            if ours == theirs or (tolerance and _is_near(ours, theirs, tolerance)):
                return ""
            return f"{where}: {ours} instead of {theirs}"


def _is_near(ours: Any, theirs: Any, tolerance: float) -> bool:
    try:
        return math.isclose(float(ours), float(theirs), rel_tol=tolerance, abs_tol=tolerance)
    except (TypeError, ValueError):
        return False
