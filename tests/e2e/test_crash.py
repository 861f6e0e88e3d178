"""kill -9 under load: what was acknowledged is there once, in every table that it feeds; what was not is there whole or not at all."""

from __future__ import annotations

import http.client
import os
import random
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.e2e import bodies
from tests.e2e.server_process import ServerProcess

from sonde.receivers import snappy

pytestmark = pytest.mark.e2e

SIGNALS: dict[str, Callable[[int], bytes]] = {
    "traces": bodies.spans,
    "logs": bodies.logs,
    "metrics": bodies.metrics,
    "prometheus": bodies.remote_write,
}


def request(signal: str, batch: int) -> tuple[str, bytes, Mapping[str, str]]:
    """Path, body and headers of a numbered body."""
    body, headers = SIGNALS[signal](batch), {"Content-Type": "application/x-protobuf"}
    if signal != "prometheus":
        return f"/v1/{signal}", body, headers
    message = "io.prometheus.write.v2.Request" if batch % 2 else "prometheus.WriteRequest"
    headers = {"Content-Type": f"application/x-protobuf;proto={message}", "Content-Encoding": "snappy"}
    return "/prometheus/api/v1/write", snappy.compress(body), headers


class Senders:
    """Two clients for each signal, which send numbered bodies until told to stop and note the numbers that were acknowledged."""

    def __init__(self, server: ServerProcess, first_batch: int) -> None:
        self.acknowledged: dict[str, set[int]] = {signal: set() for signal in SIGNALS}
        self.sent: dict[str, set[int]] = {signal: set() for signal in SIGNALS}
        self._ports = {signal: server.ui if signal == "prometheus" else server.otlp for signal in SIGNALS}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(signal, first_batch + client, 2))
            for signal in SIGNALS
            for client in range(2)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, signal: str, batch: int, step: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._ports[signal], timeout=10)
        while not self._stop.is_set():
            self.sent[signal].add(batch)
            try:
                connection.request("POST", *request(signal, batch))
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                return  # killed: this body was not acknowledged, and this client is done
            if answer.status in (200, 204):
                self.acknowledged[signal].add(batch)
            batch += step


def _survive(data: Path, rounds: int) -> None:
    chance = random.Random(rounds)
    server = ServerProcess(data)
    acknowledged: dict[str, set[int]] = {signal: set() for signal in SIGNALS}
    sent: dict[str, set[int]] = {signal: set() for signal in SIGNALS}
    for number in range(rounds):
        server.start()
        senders = Senders(server, first_batch=(number + 1) * 1_000_000)
        threading.Event().wait(0.2 + chance.random() * 2)
        server.kill()
        senders.stop()
        for signal in SIGNALS:
            acknowledged[signal] |= senders.acknowledged[signal]
            sent[signal] |= senders.sent[signal]
    server.start()
    try:
        server.wait_until_inserted()
        assert all(len(numbers) > rounds for numbers in acknowledged.values()), "the senders hardly sent anything"
        for what, statement, expected, signal in TABLES:
            found = {int(batch): int(count) for batch, count in server.sql(statement)}
            lost = acknowledged[signal] - found.keys()
            wrong = {batch: count for batch, count in found.items() if count != expected}
            foreign = found.keys() - sent[signal]
            assert (lost, wrong, foreign) == (set(), {}, set()), what
        assert server.count("SELECT sum(spans) FROM red_1m") == server.count("SELECT count() FROM spans")
        assert server.count("SELECT sum(cost_usd) > 0 FROM llm_calls") == 1
    finally:
        assert server.stop() == 0


# What to count by batch, how, and how many there must be for each batch of which anything is there.
TABLES = [
    ("spans", "SELECT attr_int['batch'] AS b, count() FROM spans GROUP BY b", bodies.SPANS, "traces"),
    (
        "trace_index",
        (
            "SELECT b, n FROM (SELECT trace_id, sum(span_count) AS n FROM trace_index GROUP BY trace_id) AS i "
            "INNER JOIN (SELECT trace_id, any(attr_int['batch']) AS b FROM spans GROUP BY trace_id) AS s USING (trace_id)"
        ),
        bodies.SPANS,
        "traces",
    ),
    (
        "llm_calls",
        (
            "SELECT b, count() FROM llm_calls AS c INNER JOIN (SELECT trace_id, any(attr_int['batch']) AS b FROM spans GROUP BY trace_id) AS s "
            "USING (trace_id) GROUP BY b"
        ),
        1,
        "traces",
    ),
    ("rag_traces", "SELECT toInt64(extract(query, '\\\\d+')) AS b, count() FROM rag_traces GROUP BY b", 1, "traces"),
    ("logs", "SELECT attr_int['batch'] AS b, count() FROM logs GROUP BY b", bodies.LOG_RECORDS, "logs"),
    ("scores", "SELECT toInt64(extract(score_id, '\\\\d+')) AS b, count() FROM scores GROUP BY b", 1, "logs"),
    *(
        (
            f"{metric} in {table}",
            (
                f"SELECT toInt64(labels['batch']) AS b, count() FROM {table} INNER JOIN (SELECT id, any(labels) AS labels FROM series "
                f"WHERE metric = '{metric}' GROUP BY id) AS s USING (id) WHERE metric = '{metric}' GROUP BY b"
            ),
            expected,
            signal,
        )
        for table, metric, expected, signal in (
            ("samples", "crash_gauge", bodies.POINTS, "metrics"),
            ("samples", "crash_written", bodies.POINTS, "prometheus"),
            ("histograms", "crash_histogram", bodies.HISTOGRAMS, "prometheus"),
        )
    ),
]


def test_nothing_acknowledged_is_lost_or_doubled_when_the_process_is_killed(tmp_path: Path) -> None:
    _survive(tmp_path / "data", rounds=int(os.environ.get("SONDE_TEST_CRASH_ROUNDS", "4")))


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_or_doubled_in_thirty_kills(tmp_path: Path) -> None:
    _survive(tmp_path / "data", rounds=30)
