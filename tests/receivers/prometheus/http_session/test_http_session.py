"""HTTP to targets: what is sent, what comes back, and the words for what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import os
import re
import socket
import ssl

import pytest
from tests.receivers.prometheus.wire import Certificates, WireServer, answered, needs_openssl, ok, serving

from sonde.errors import TooLarge, Unavailable, UserError
from sonde.receivers.prometheus.http_config import HttpConfig
from sonde.receivers.prometheus.http_session import Sessions


@contextlib.asynccontextmanager
async def session(unix_socket=None, **config):
    sessions = Sessions()
    try:
        yield sessions.session(HttpConfig.model_validate(config), unix_socket=unix_socket)
    finally:
        await sessions.close()


@contextlib.contextmanager
def refused(error, message=""):
    """What is raised is of this very kind, and its message has this in it."""
    with pytest.raises(error) as caught:
        yield
    assert type(caught.value) is error
    assert re.search(message, caught.value.message), caught.value.message


async def get(one, url, *, headers=None, timeout_seconds=30.0, limit_bytes=0):
    return await one.get(url, headers=headers or {}, timeout_seconds=timeout_seconds, limit_bytes=limit_bytes)


async def asked_with(config, answer=lambda _: ok(), path="/metrics", **options):
    """What a server was asked by a session of this configuration."""
    async with serving(answer) as server, session(**config) as one:
        await get(one, server.base + path, **options)
    return server.asked[-1]


# What is sent.


async def test_a_request_has_the_path_the_query_and_the_headers_of_the_caller():
    asked = await asked_with({}, path="/probe?a=b%20c&d=", headers={"accept": "text/plain", "x-a": "1"})
    assert (asked.method, asked.target, asked.version) == ("GET", "/probe?a=b%20c&d=", "HTTP/1.1")
    assert asked.headers["accept"] == "text/plain"
    assert asked.headers["x-a"] == "1"
    assert asked.headers["host"].startswith("127.0.0.1:")


@pytest.mark.parametrize(
    ("config", "header"),
    [
        ({"basic_auth": {"username": "me", "password": "pä"}}, "Basic " + base64.b64encode("me:pä".encode()).decode()),
        ({"basic_auth": {"username": "me"}}, "Basic " + base64.b64encode(b"me:").decode()),
        ({"authorization": {"credentials": "token"}}, "Bearer token"),
        ({"authorization": {"type": "Key", "credentials": "token"}}, "Key token"),
        ({"bearer_token": "token"}, "Bearer token"),
    ],
)
async def test_credentials_of_the_configuration_are_sent(config, header):
    assert (await asked_with(config)).headers["authorization"] == header


async def test_credentials_in_the_url_are_sent_unless_the_configuration_has_some():
    async with serving(lambda _: ok()) as server, session() as one, session(bearer_token="t") as other:
        url = server.base.replace("//", "//me:p%40@")
        await get(one, url)
        await get(other, url)
    assert [asked.headers["authorization"] for asked in server.asked] == [
        "Basic " + base64.b64encode(b"me:p@").decode(),
        "Bearer t",
    ]
    assert "@" not in server.asked[0].headers["host"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (lambda file: {"authorization": {"credentials_file": file}}, "Bearer {}"),
        (lambda file: {"bearer_token_file": file}, "Bearer {}"),
        (lambda file: {"basic_auth": {"username": "me", "password_file": file}}, "Basic me:{}"),
        (lambda file: {"basic_auth": {"username_file": file, "password": "pw"}}, "Basic {}:pw"),
    ],
)
async def test_credentials_in_a_file_are_read_again_when_it_changes(tmp_path, config, expected):
    def header(secret):
        kind, _, text = expected.format(secret).partition(" ")
        return f"{kind} {base64.b64encode(text.encode()).decode()}" if kind == "Basic" else f"{kind} {text}"

    file = tmp_path / "secret"
    file.write_text("first\n")
    async with serving(lambda _: ok()) as server, session(**config(file)) as one:
        await get(one, server.base)
        await get(one, server.base)
        replaced = tmp_path / "next"
        replaced.write_text("other\n")
        os.utime(replaced, ns=(file.stat().st_mtime_ns,) * 2)
        replaced.replace(file)  # as Kubernetes does it: another file of the same length and time
        await get(one, server.base)
    assert [asked.headers["authorization"] for asked in server.asked] == [
        header(word) for word in ("first",) * 2 + ("other",)
    ]


async def test_a_missing_file_of_credentials_is_said_and_nothing_is_asked(tmp_path):
    file = tmp_path / "none"
    async with serving(lambda _: ok()) as server, session(bearer_token_file=file) as one:
        with refused(UserError, rf"unable to read bearer token file {file}: No such file or directory"):
            await get(one, server.base)
        file.write_text("late")
        await get(one, server.base)
    assert len(server.asked) == 1


async def test_a_file_with_two_lines_does_not_become_a_header_of_its_own(tmp_path):
    file = tmp_path / "token"
    file.write_text("a\r\nx-admin: yes\n")
    async with serving(lambda _: ok()) as server, session(bearer_token_file=file) as one:
        with refused(UserError, r"'authorization' has a line break"):
            await get(one, server.base)
    assert server.asked == []


async def test_further_headers_come_from_values_secrets_and_files(tmp_path):
    (tmp_path / "h").write_text("from a file\n")
    asked = await asked_with(
        {"http_headers": {"X-Scope": {"values": ["a", "b"], "secrets": ["c"], "files": [tmp_path / "h"]}}}
    )
    assert [value for name, value in asked.lines if name == "X-Scope"] == ["a", "b", "c", "from a file"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://a b/", "invalid character ' ' in URL"),
        ("http://a/\r\nx: y", r"invalid character '\\r' in URL"),
        ("ftp://a/", "unsupported protocol scheme 'ftp'"),
        ("http://:80/metrics", "no host in request URL 'http://:80/metrics'"),
        ("http://a:port/", "is not a URL"),
        ("http://[::1/", "is not a URL"),
    ],
)
async def test_what_is_no_url_is_refused_in_words(url, message):
    async with session() as one:
        with refused(UserError, message):
            await get(one, url)


# What comes back.


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"abcdef"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3;x=y\r\ndef\r\n0\r\nx: y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcdef",
        b"HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nabcdef",
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabcdef",
        ok(gzip.compress(b"abcdef"), more="Content-Encoding: GZIP\r\n"),
        ok(gzip.compress(b"abc") + gzip.compress(b"def"), more="Content-Encoding: gzip\r\n"),
    ],
)
async def test_every_way_of_ending_a_body_gives_it_whole(answer):
    async with serving(lambda _: answer) as server, session() as one:
        answers = [await get(one, server.base), await get(one, server.base)]
    assert [each.body for each in answers] == [b"abcdef"] * 2


async def test_the_size_on_the_wire_is_that_of_the_compressed_body():
    body = b"up 1\n" * 100_000
    packed = gzip.compress(body)
    async with serving(lambda _: ok(packed, more="content-encoding: gzip\r\n")) as server, session() as one:
        answer = await get(one, server.base)
    assert (answer.body, answer.wire_bytes, answer.content_type) == (body, len(packed), "text/plain; version=0.0.4")


async def test_an_answer_that_comes_byte_by_byte_is_read():
    answer = [bytes([byte]) for byte in ok(b"up 1\n")]
    async with serving(lambda _: answer) as server, session() as one:
        assert (await get(one, server.base)).body == b"up 1\n"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False), (5_000_000, False)])
async def test_a_body_beyond_the_limit_is_refused_before_and_after_decompression(size, packed, fits):
    body = bytes(size)
    answer = ok(gzip.compress(body), more="content-encoding: gzip\r\n") if packed else ok(body)
    async with serving(lambda _: answer) as server, session() as one:
        if fits:
            assert (await get(one, server.base, limit_bytes=1000)).body == body
        else:
            with refused(TooLarge, r"^body size limit exceeded$"):
                await get(one, server.base, limit_bytes=1000)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (answered("500 Internal Server Error", b"x" * 9999), Unavailable, "^server returned HTTP status 500 Internal Server Error$"),
        (answered("404 "), Unavailable, "^server returned HTTP status 404 Not Found$"),
        (answered("599 Odd One"), Unavailable, "^server returned HTTP status 599 Odd One$"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Unavailable, "^server returned HTTP status 204 No Content$"),
        (WireServer.HANG_UP, Unavailable, '^Get "http://127.0.0.1:[0-9]+/metrics": EOF$'),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\nabc", Unavailable, ": unexpected EOF$"),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\nx", Unavailable, ": unexpected EOF$"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Unavailable, ": malformed HTTP response"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nzzz", Unavailable, ": malformed HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 3_000_000, Unavailable, ": the head of the answer is larger than"),
        (ok(b"abc", more="content-encoding: br\r\n"), UserError, "content-encoding 'br', which was not asked for"),
        (ok(b"abc", more="content-encoding: gzip\r\n"), UserError, "cannot be decompressed as gzip"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_an_answer_is_said_in_prometheus_words(answer, error, message):
    async with serving(lambda _: answer) as server, session() as one:
        with refused(error, message):
            await get(one, server.base + "/metrics", limit_bytes=1000 if b"abc" not in answer else 0)
        server.answer = lambda _: ok()
        assert (await get(one, server.base)).status == 200  # and the next one is not hurt by it


async def test_a_target_that_does_not_answer_is_given_up_and_its_connection_closed():
    async with serving(lambda _: None) as server, session() as one:
        with refused(Unavailable, rf'^Get "{server.base}/metrics": context deadline exceeded$'):
            await get(one, server.base + "/metrics", timeout_seconds=0.05)
        server.answer = lambda _: ok()
        await get(one, server.base)
    assert [asked.connection for asked in server.asked] == [1, 2]


async def test_a_target_that_is_not_there_refuses_the_connection():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with session() as one:
        for host in ("127.0.0.1", "localhost"):
            with refused(Unavailable, rf": dial tcp {host}:{port}: connect: connection refused$"):
                await get(one, f"http://{host}:{port}")


async def test_a_name_that_nobody_knows_is_said():
    async with session() as one:
        with refused(Unavailable, r": dial tcp: lookup nobody.invalid: "):
            await get(one, "http://nobody.invalid/")


async def test_a_password_in_a_url_is_not_in_the_error():
    async with serving(lambda _: WireServer.HANG_UP) as server, session() as one:
        with pytest.raises(Unavailable) as caught:
            await get(one, server.base.replace("//", "//me:hunter2@"))
    assert "hunter2" not in str(caught.value)
    assert "me:xxxxx@" in str(caught.value)


# Connections.


async def test_requests_one_after_the_other_share_a_connection():
    async with serving(lambda _: ok()) as server, session() as one:
        for _ in range(5):
            await get(one, server.base)
    assert server.connections == 1


async def test_requests_at_the_same_time_have_a_connection_each():
    async with serving(lambda _: ok()) as server, session() as one:
        await asyncio.gather(*(get(one, server.base) for _ in range(20)))
        await asyncio.gather(*(get(one, server.base) for _ in range(20)))
    assert server.connections == 20


async def test_a_connection_that_was_closed_while_idle_is_replaced_without_a_failure():
    async with serving(lambda _: ok()) as server, session() as one:
        await get(one, server.base)
        server.hang_up()
        server.answer = lambda asked: ok() if asked.connection > 1 else WireServer.HANG_UP
        assert (await get(one, server.base)).status == 200


async def test_a_request_that_a_parked_connection_swallows_is_sent_again_on_a_new_one():
    async with serving(lambda _: ok()) as server, session() as one:
        await get(one, server.base)
        server.answer = lambda asked: WireServer.HANG_UP if asked.connection == 1 else ok()
        assert (await get(one, server.base)).status == 200
    assert [asked.connection for asked in server.asked] == [1, 1, 2]


async def test_what_follows_an_answer_unasked_is_not_taken_for_the_next_one():
    async with serving(lambda _: ok(b"first") + ok(b"smuggled")) as server, session() as one:
        assert (await get(one, server.base)).body == b"first"
        server.answer = lambda _: ok(b"second")
        assert (await get(one, server.base)).body == b"second"


async def test_a_closed_session_leaves_no_connection_behind():
    async with serving(lambda _: ok()) as server:
        async with session() as one:
            await get(one, server.base)
        await get(one, server.base)  # still works, and parks nothing
        assert one._idle == {}


async def test_a_unix_socket_is_asked_as_a_host_is(tmp_path):
    path = tmp_path / "s"
    async with serving(lambda _: ok(), unix_socket=path), session(unix_socket=path) as one:
        assert (await get(one, "http://docker/containers/json")).status == 200
    async with session(unix_socket=tmp_path / "none") as one:
        with refused(Unavailable, r"no such file or directory"):
            await get(one, "http://docker/")


# Redirects and proxies.


def redirecting(to, status="302 Found"):
    return answered(status, b"", f"location: {to}\r\n")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_redirects_are_followed_with_credentials_to_the_same_host(status):
    def answer(asked):
        return ok(b"there") if asked.target == "/b/c" else redirecting("c", status)

    async with serving(answer) as server, session(bearer_token="t") as one:
        assert (await get(one, server.base + "/b/a", headers={"x-a": "1"})).body == b"there"
    assert [(asked.target, asked.headers["authorization"], asked.headers["x-a"]) for asked in server.asked] == [
        ("/b/a", "Bearer t", "1"),
        ("/b/c", "Bearer t", "1"),
    ]


async def test_credentials_do_not_follow_a_redirect_to_another_host():
    async with serving(lambda _: ok()) as other:
        there = other.base.replace("127.0.0.1", "127.0.0.2")
        listener = await asyncio.start_server(other._serve, "127.0.0.2", other.port)
        config = {"basic_auth": {"username": "u", "password": "p"}, "http_headers": {"x-key": {"secrets": ["s"]}}}
        async with serving(lambda _: redirecting(there)) as server, session(**config) as one:
            await get(one, server.base)
        listener.close()
    assert {"authorization", "x-key"} <= server.asked[0].headers.keys()
    assert not {"authorization", "x-key"} & other.asked[0].headers.keys()


async def test_a_redirect_is_an_answer_if_it_is_not_to_be_followed():
    async with serving(lambda _: redirecting("/x")) as server, session(follow_redirects=False) as one:
        with refused(Unavailable, r"^server returned HTTP status 302 Found$"):
            await get(one, server.base)
    assert len(server.asked) == 1


async def test_redirects_in_a_circle_end():
    async with serving(lambda _: redirecting("/")) as server, session() as one:
        with refused(Unavailable, r": stopped after 10 redirects$"):
            await get(one, server.base)


async def test_a_redirect_to_another_protocol_is_not_followed():
    async with serving(lambda _: redirecting("file:///etc/passwd")) as server, session() as one:
        with refused(UserError, r"unsupported protocol scheme 'file'"):
            await get(one, server.base)


async def test_a_proxy_is_asked_for_the_whole_url_with_its_own_credentials():
    async with serving(lambda _: ok()) as proxy, session(proxy_url=proxy.base.replace("//", "//u:p@")) as one:
        await get(one, "http://far.invalid:9100/metrics?a=b")
    asked = proxy.asked[0]
    assert (asked.target, asked.headers["host"]) == ("http://far.invalid:9100/metrics?a=b", "far.invalid:9100")
    assert asked.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"u:p").decode()


# TLS.


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def of_loopback(certificates):
    return certificates.sign("loopback", subject_names="IP:127.0.0.1")


@pytest.fixture(scope="module")
def of_name(certificates):
    return certificates.sign("named", subject_names="DNS:target.test")


@needs_openssl
async def test_tls_with_an_authority_of_ones_own(certificates, of_loopback):
    context = certificates.server_context(*of_loopback)
    async with serving(lambda _: ok(), tls=context) as server, session(tls_config={"ca_file": certificates.ca}) as one:
        assert (await get(one, server.base)).status == 200
        assert (await get(one, server.base)).status == 200
    assert server.connections == 1


@needs_openssl
async def test_an_authority_in_the_configuration_itself(certificates, of_loopback):
    context = certificates.server_context(*of_loopback)
    config = {"tls_config": {"ca": certificates.ca.read_text()}}
    async with serving(lambda _: ok(), tls=context) as server, session(**config) as one:
        assert (await get(one, server.base)).status == 200


@needs_openssl
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "tls: failed to verify certificate: "),
        ({"ca_file": "ca"}, "tls: failed to verify certificate: .*(127.0.0.1|mismatch)"),
        ({"ca_file": "ca", "server_name": "other.test"}, "tls: failed to verify certificate: .*other.test"),
        ({"ca_file": "ca", "server_name": "target.test"}, None),
        ({"insecure_skip_verify": True}, None),
    ],
)
async def test_whom_tls_trusts_is_what_the_configuration_says(certificates, of_name, config, message):
    context = certificates.server_context(*of_name)
    config = {key: certificates.ca if value == "ca" else value for key, value in config.items()}
    async with serving(lambda _: ok(), tls=context) as server, session(tls_config=config) as one:
        if message is None:
            assert (await get(one, server.base)).status == 200
        else:
            with refused(Unavailable, message):
                await get(one, server.base)
            assert server.asked == []


@needs_openssl
async def test_a_client_certificate_is_shown_and_read_again_when_it_changes(certificates, of_loopback, tmp_path):
    context = certificates.server_context(*of_loopback, ask_for_client=True)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # where a refusal comes before the answer
    mine = certificates.sign("client", subject_names="DNS:client")
    files = {"cert_file": tmp_path / "cert", "key_file": tmp_path / "key"}
    async with (
        serving(lambda _: ok(more="connection: close\r\n"), tls=context) as server,
        session(tls_config={"ca_file": certificates.ca}) as anonymous,
        session(tls_config={"ca_file": certificates.ca, **files}) as known,
    ):
        with refused(Unavailable, r"tls: |reset|EOF"):
            await get(anonymous, server.base)
        with refused(UserError, rf"unable to read {tmp_path / 'cert'} of tls_config: No such file"):
            await get(known, server.base)
        for file in files.values():
            file.write_text("no certificate")
        with refused(UserError, r"tls: .* in .*cert"):
            await get(known, server.base)
        for file, right in zip(files.values(), mine, strict=True):
            file.write_bytes(right.read_bytes())
        assert (await get(known, server.base)).status == 200


@needs_openssl
@pytest.mark.parametrize(("least", "fits"), [("TLS12", True), ("TLS13", False)])
async def test_the_least_version_of_tls_is_kept(certificates, of_loopback, least, fits):
    context = certificates.server_context(*of_loopback)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    config = {"tls_config": {"ca_file": certificates.ca, "min_version": least}}
    async with serving(lambda _: ok(), tls=context) as server, session(**config) as one:
        if fits:
            assert (await get(one, server.base)).status == 200
        else:
            with refused(Unavailable, r": tls: "):
                await get(one, server.base)


@needs_openssl
async def test_https_and_http_do_not_understand_each_other_and_it_is_said(certificates, of_loopback):
    context = certificates.server_context(*of_loopback)
    config = {"tls_config": {"insecure_skip_verify": True}}
    async with serving(lambda _: ok(), tls=context) as tls, serving(lambda _: ok()) as plain, session(**config) as one:
        with refused(Unavailable):
            await get(one, tls.base.replace("https", "http"))
        plain.answer = lambda _: ok()
        with refused(Unavailable):
            await get(one, plain.base.replace("http", "https"), timeout_seconds=0.2)


@needs_openssl
async def test_a_proxy_carries_tls_to_a_target_without_reading_it(certificates, of_loopback):
    context = certificates.server_context(*of_loopback)
    async with (
        serving(lambda _: ok(b"through"), tls=context) as server,
        serving(lambda _: None) as proxy,
        session(
            proxy_url=proxy.base.replace("//", "//u:p@"), bearer_token="t", tls_config={"ca_file": certificates.ca}
        ) as one,
    ):
        for _ in range(2):
            assert (await get(one, server.base + "/x")).body == b"through"
    assert [asked.target for asked in server.asked] == ["/x", "/x"]
    assert [(asked.method, asked.target) for asked in proxy.asked] == [("CONNECT", f"127.0.0.1:{server.port}")]
    assert "authorization" not in proxy.asked[0].headers
    assert proxy.asked[0].headers["proxy-authorization"].startswith("Basic ")


async def test_a_proxy_that_refuses_is_said():
    async with (
        serving(lambda _: answered("407 Proxy Authentication Required")) as proxy,
        session(proxy_url=proxy.base) as one,
    ):
        with refused(Unavailable, r": proxy: 407 Proxy Authentication Required$"):
            await get(one, "https://far.invalid/")
