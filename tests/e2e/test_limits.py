"""Large, slow and many: what one client may do to a server, and what it may not."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
import time

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from tests.e2e import bodies
from tests.e2e.server_process import ServerProcess

pytestmark = pytest.mark.e2e

MIB = 1 << 20


def logs_of(size: int) -> bytes:
    """A body of just so many bytes, in records of a mebibyte."""
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    while request.ByteSize() < size - 2 * MIB:
        records.add(time_unix_nano=time.time_ns()).body.string_value = "x" * MIB
    last = records.add(time_unix_nano=time.time_ns())
    last.body.string_value = "x" * (size - request.ByteSize() - 100)
    last.body.string_value += "x" * (size - request.ByteSize())
    while request.ByteSize() > size:
        last.body.string_value = last.body.string_value[:-1]
    return request.SerializeToString()


def test_a_body_just_below_64_mib_is_kept_and_one_just_above_is_not(server: ServerProcess, tenant: str) -> None:
    largest = logs_of(64 * MIB)
    assert len(largest) == 64 * MIB

    kept = server.send("logs", largest, tenant=tenant)
    packed = server.send("logs", gzip.compress(largest, 1), tenant=tenant, headers={"Content-Encoding": "gzip"})
    refused = server.send("logs", largest + b"\0", tenant=tenant)

    assert (kept.status, packed.status, refused.status) == (200, 200, 413), (kept.text, packed.text)
    records = len(ExportLogsServiceRequest.FromString(largest).resource_logs[0].scope_logs[0].log_records)
    server.wait_until_inserted(seconds=120)
    assert server.count_of("logs", tenant) == 2 * records


def test_one_connection_carries_many_bodies(server: ServerProcess, tenant: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.otlp, timeout=60)
    headers = {"Content-Type": "application/x-protobuf", "X-Scope-OrgID": tenant}
    connection.connect()
    first = connection.sock.getsockname()
    for batch in range(20):
        connection.request("POST", "/v1/logs", b"bad" if batch % 2 else bodies.logs(batch), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == (400 if batch % 2 else 200)
        assert connection.sock.getsockname() == first
    connection.close()

    server.wait_until_inserted()
    assert server.count_of("logs", tenant) == 10 * bodies.LOG_RECORDS


def test_slow_senders_do_not_hold_up_others(server: ServerProcess) -> None:
    """A hundred clients that begin a body and do not go on; the next one is served at once."""
    head = (
        b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000000\r\n\r\n"
    )
    slow = [socket.create_connection(("127.0.0.1", server.otlp), timeout=10) for _ in range(100)]
    for connection in slow:
        connection.sendall(head + b"\x0a")

    began = time.monotonic()
    answer = server.send("logs", bodies.logs(1))
    seconds = time.monotonic() - began
    for connection in slow:
        connection.close()

    assert answer.status == 200
    assert seconds < 5


@pytest.mark.slow
def test_a_sender_that_does_not_go_on_is_told_and_let_go(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.otlp), timeout=60) as connection:
        connection.sendall(
            b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\n\x0a"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_many_at_once_are_served_or_told_to_come_again(server: ServerProcess, tenant: str) -> None:
    statuses: list[int] = []
    body = logs_of(8 * MIB)

    def send() -> None:
        statuses.append(server.send("logs", body, tenant=tenant).status)

    threads = [threading.Thread(target=send) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(statuses) <= {200, 503}
    server.wait_until_inserted(seconds=120)
    records = len(ExportLogsServiceRequest.FromString(body).resource_logs[0].scope_logs[0].log_records)
    assert server.count_of("logs", tenant) == statuses.count(200) * records
