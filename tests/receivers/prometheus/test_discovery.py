"""Finding targets: what is published, from real files, HTTP and DNS servers and a Docker socket, and what failures leave."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from prometheus_client import REGISTRY
from tests.receivers.prometheus.wire import Certificates, WireServer, answered, in_json, needs_openssl, ok, serving

from sonde.errors import UserError
from sonde.receivers.prometheus.discovery.config import (
    DnsSdConfig,
    DockerSdConfig,
    FileSdConfig,
    HttpSdConfig,
    StaticConfig,
)
from sonde.receivers.prometheus.discovery.dns import dns_discovery
from sonde.receivers.prometheus.discovery.docker import docker_discovery
from sonde.receivers.prometheus.discovery.files import LOOK_SECONDS, file_discovery
from sonde.receivers.prometheus.discovery.http import http_discovery
from sonde.receivers.prometheus.discovery.providers import discoveries
from sonde.receivers.prometheus.discovery.repeat import Found, Repeating
from sonde.receivers.prometheus.discovery.static import StaticDiscovery
from sonde.receivers.prometheus.http_session import Sessions
from sonde.receivers.prometheus.scrape_config import parse_scrape_configs


class Rounds:
    """Stands where a discovery waits: it goes on when the test says so."""

    def __init__(self):
        self.published = []
        self.seconds = []
        self._waits, self._goes = asyncio.Queue(), asyncio.Queue()

    async def pause(self, seconds):
        self.seconds.append(seconds)
        self._waits.put_nowait(None)
        await self._goes.get()

    async def first(self):
        await self._waits.get()
        return self.last

    async def next(self):
        """Let it ask once more."""
        self._goes.put_nowait(None)
        return await self.first()

    @property
    def last(self):
        return self.published[-1] if self.published else None


@contextlib.asynccontextmanager
async def running(make):
    """A discovery that ``make(pause)`` gives, running."""
    rounds = Rounds()
    task = asyncio.create_task(make(rounds.pause).run(rounds.published.append))
    try:
        yield rounds
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def addresses(groups):
    return [dict(target)["__address__"] for group in groups for target in group.targets]


def failures(mechanism):
    return REGISTRY.get_sample_value("sonde_receivers_discovery_failures_total", {"mechanism": mechanism}) or 0.0


# All of them.


async def test_static_groups_are_published_once_with_their_labels():
    configs = (StaticConfig(targets=("a:1", "b:2"), labels={"env": "x"}), StaticConfig(targets=("c:3",)))
    async with running(lambda _: StaticDiscovery(configs)) as rounds:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    ((first, second),) = rounds.published
    assert (first.source, first.targets, first.labels) == (
        "0",
        ((("__address__", "a:1"),), (("__address__", "b:2"),)),
        (("env", "x"),),
    )
    assert (second.source, addresses([second]), second.labels) == ("1", ["c:3"], ())


async def test_a_job_has_a_discovery_for_each_of_its_sections():
    (job,) = parse_scrape_configs(
        "scrape_configs: [{job_name: a, static_configs: [{targets: [a]}, {targets: [b]}],"
        " file_sd_configs: [{files: [a.yml]}], http_sd_configs: [{url: 'http://me:pw@h'}],"
        " dns_sd_configs: [{names: [n]}, {names: [m]}], docker_sd_configs: [{host: 'unix:///s'}]}]"
    ).jobs
    sessions = Sessions()
    found = discoveries(job, sessions=sessions)
    names = [(each.mechanism, each.name) for each in found if isinstance(each, Repeating)]
    assert isinstance(found[0], StaticDiscovery)
    assert names == [
        ("file", "a.yml"),
        ("http", "http://me:xxxxx@h"),
        ("dns", "n"),
        ("dns", "m"),
        ("docker", "unix:///s"),
    ]
    await sessions.close()


async def test_groups_are_published_only_when_they_have_changed():
    answers = iter([["a"], ["a"], ["b"]])

    async def ask():
        return Found(next(answers))

    async with running(lambda pause: Repeating("http", "x", ask, interval_seconds=7, pause=pause)) as rounds:
        await rounds.first()
        await rounds.next()
        await rounds.next()
    assert rounds.published == [("a",), ("b",)]
    assert rounds.seconds == [7, 7, 7]


async def test_a_failure_leaves_the_groups_is_counted_each_time_and_logged_when_it_changes(caplog):
    answers = iter([["a"], "down", "down", "worse", ["a"], ["b"]])

    async def ask():
        answer = next(answers)
        if isinstance(answer, str):
            raise UserError(answer)
        return Found(answer)

    before = failures("http")
    with caplog.at_level(logging.INFO, logger="sonde.receivers.prometheus.discovery.repeat"):
        async with running(lambda pause: Repeating("http", "x", ask, interval_seconds=7, pause=pause)) as rounds:
            await rounds.first()
            for _ in range(5):
                await rounds.next()
    assert rounds.published == [("a",), ("b",)]
    assert failures("http") - before == 3
    assert [record.getMessage() for record in caplog.records] == [
        "http discovery x: down; its targets stay as they were",
        "http discovery x: worse; its targets stay as they were",
        "http discovery x works again",
    ]


async def test_a_bug_in_one_discovery_is_logged_with_its_trace_and_does_not_end_it(caplog):
    answers = iter([KeyError("oops"), None])

    async def ask():
        if error := next(answers):
            raise error
        return Found(["a"])

    async with running(lambda pause: Repeating("http", "x", ask, interval_seconds=7, pause=pause)) as rounds:
        assert await rounds.first() is None
        assert await rounds.next() == ("a",)
    assert [bool(record.exc_info) for record in caplog.records] == [True, False]


# Files.


def files_of(directory, clock=lambda: 0.0, pattern="*", refresh_interval="5m"):
    files = tuple(str(directory / f"{pattern}.{ending}") for ending in ("json", "yml", "yaml"))
    config = FileSdConfig.model_validate({"files": files, "refresh_interval": refresh_interval})
    return lambda pause: file_discovery(config, clock=clock, pause=pause)


async def test_files_in_json_and_yaml_say_the_same(tmp_path):
    (tmp_path / "a.json").write_text(
        '[{"targets": ["a:1", "b:2"], "labels": {"env": "x", "none": ""}}, {"targets": ["c:3"]}]'
    )
    (tmp_path / "b.yml").write_text("- targets: [d:4]\n  labels: {port: 9100, on: yes}\n- labels: {}\n")
    (tmp_path / "c.yaml").write_text("")
    (tmp_path / "d.txt").write_text("not asked for")
    async with running(files_of(tmp_path)) as rounds:
        groups = await rounds.first()
    path = str(tmp_path / "a.json")
    assert (groups[0].source, groups[0].labels) == (f"{path}:0", (("__meta_filepath", path), ("env", "x")))
    assert addresses(groups) == ["a:1", "b:2", "c:3", "d:4"]
    assert dict(groups[2].labels) == {"port": "9100", "on": "yes", "__meta_filepath": str(tmp_path / "b.yml")}
    assert rounds.seconds == [LOOK_SECONDS]


async def test_a_changed_new_or_deleted_file_is_seen_at_the_next_look(tmp_path):
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    one.write_text('[{"targets": ["a:1"]}]')
    async with running(files_of(tmp_path)) as rounds:
        assert addresses(await rounds.first()) == ["a:1"]
        two.write_text('[{"targets": ["b:1"]}]')
        assert addresses(await rounds.next()) == ["a:1", "b:1"]
        replacement = tmp_path / "new"
        replacement.write_text('[{"targets": ["c:1"]}]')
        replacement.replace(one)
        assert addresses(await rounds.next()) == ["c:1", "b:1"]
        two.unlink()
        assert addresses(await rounds.next()) == ["c:1"]


BROKEN = [
    ("x.json", '[{"targets": ["a:1"', "not JSON: "),
    ("x.json", '{"targets": []}', "expected a list of target groups, found a mapping"),
    ("x.json", '[{"targets": [1]}]', "target group 0: targets must be a list of texts such as host:port"),
    ("x.json", '[{"targets": "a:1"}]', "target group 0: targets must be a list of texts"),
    ("x.json", '[{"labels": {"a": 1}}]', "target group 0: labels must be a mapping of texts"),
    ("x.json", '[{"labels": {"": "a"}}]', "target group 0: the name of a label is empty"),
    ("x.json", '[{"target": []}]', "target group 0: unknown key 'target'"),
    ("x.json", "[{}, null]", "nil target group item found (index 1)"),
    ("x.json", "[[]]", "target group 0: expected a mapping with targets and labels, found a list"),
    ("x.json", "[" * 100_000, "not JSON: "),
    ("x.yml", "- targets: [a", "not YAML: "),
    ("x.yml", "\x00", "not YAML: "),
    ("x.yml", "[" * 100_000, "not YAML: nested more than"),
    ("x.yml", "- targets: {a: b}", "target group 0: targets must be a list of texts"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), BROKEN)
async def test_a_broken_file_keeps_its_last_good_groups_and_hurts_no_other(tmp_path, caplog, name, text, message):
    file, other = tmp_path / name, tmp_path / "z.json"
    file.write_text('[{"targets": ["a:1"]}]')
    other.write_text('[{"targets": ["b:1"]}]')
    async with running(files_of(tmp_path)) as rounds:
        await rounds.first()
        file.write_text(text)
        other.write_text('[{"targets": ["b:2222"]}]')
        assert addresses(await rounds.next()) == ["a:1", "b:2222"]
        assert f"file discovery {file}: {message}" in caplog.text
        file.write_text('[{"targets": ["a:3333"]}]')
        assert addresses(await rounds.next()) == ["a:3333", "b:2222"]


async def test_files_are_read_again_at_the_refresh_interval_even_if_they_look_unchanged(tmp_path):
    now = 0.0
    file = tmp_path / "x.json"
    file.write_bytes(b"\xff")
    async with running(files_of(tmp_path, clock=lambda: now, refresh_interval="10s")) as rounds:
        before = failures("file")
        await rounds.first()
        await rounds.next()
        assert rounds.last == ()
        now = 10.0
        file.write_text('[{"targets": ["a:1"]}]')
        assert addresses(await rounds.next()) == ["a:1"]
    assert failures("file") - before == 2


# HTTP.

GROUPS = [{"targets": ["a:1"], "labels": {"env": "x"}}, {"targets": ["b:1", "c:1"], "labels": None}]


@contextlib.asynccontextmanager
async def http_sd(answer, **config):
    sessions = Sessions()
    async with serving(answer) as server:
        config = HttpSdConfig.model_validate({"url": f"{server.base}/sd?x=y", "refresh_interval": "30s"} | config)
        async with running(lambda pause: http_discovery(config, sessions=sessions, pause=pause)) as rounds:
            yield server, rounds
        assert sessions._open == []  # what a discovery has opened ends with it


async def test_an_http_service_is_asked_as_prometheus_asks_it():
    async with http_sd(lambda _: in_json(GROUPS), basic_auth={"username": "u"}) as (server, rounds):
        groups = await rounds.first()
    asked = server.asked[0]
    assert asked.target == "/sd?x=y"
    assert asked.headers["x-prometheus-refresh-interval-seconds"] == "30"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["authorization"].startswith("Basic ")
    url = f"{server.base}/sd?x=y"
    assert [(group.source, group.labels) for group in groups] == [
        (f"{url}:0", (("__meta_url", url), ("env", "x"))),
        (f"{url}:1", (("__meta_url", url),)),
    ]
    assert addresses(groups) == ["a:1", "b:1", "c:1"]
    assert rounds.seconds == [30]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (answered("500 Internal Server Error"), "server returned HTTP status 500 Internal Server Error"),
        (in_json(GROUPS, content_type="text/html"), "unsupported content type 'text/html'"),
        (in_json(GROUPS, content_type="application/json; charset=latin-1"), "unsupported content type"),
        (ok(b"[", content_type="application/json"), "the answer is not JSON: "),
        (in_json({}), "expected a list of target groups, found a mapping"),
        (in_json([None]), "nil target group item found (index 0)"),
        (WireServer.HANG_UP, "EOF"),
    ],
)
async def test_an_http_service_that_answers_badly_leaves_its_targets(caplog, answer, message):
    async with http_sd(lambda _: in_json(GROUPS, content_type='APPLICATION/JSON; charset="utf-8"')) as (server, rounds):
        await rounds.first()
        server.answer = lambda _: answer
        assert addresses(await rounds.next()) == ["a:1", "b:1", "c:1"]
        server.answer = lambda _: in_json([])
        assert addresses(await rounds.next()) == []
    assert message in caplog.text


async def test_an_answer_that_would_unpack_without_end_is_refused(caplog):
    bomb = gzip.compress(b" " * (65 * 1024 * 1024), compresslevel=1)
    more = "content-encoding: gzip\r\n"
    async with http_sd(lambda _: ok(bomb, content_type="application/json", more=more)) as (_, rounds):
        assert await rounds.first() is None
    assert "body size limit exceeded" in caplog.text


# DNS.

RECORDS = {
    ("_http._tcp.test.", "SRV"): ["0 5 8080 one.test.", "0 5 9090 two.test."],
    ("host.test.", "A"): ["10.0.0.1", "10.0.0.2"],
    ("host.test.", "AAAA"): ["fd00::1"],
    ("host.test.", "MX"): ["10 mail.test."],
    ("host.test.", "NS"): ["ns1.test."],
    ("host.test.", "SRV"): [],
}


class DnsServer(asyncio.DatagramProtocol):
    """Answers from a table; a name that is not in it does not exist, and ``broken`` ones fail."""

    def __init__(self):
        self.records = dict(RECORDS)

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = str(question.name).lower(), dns.rdatatype.to_text(question.rdtype)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name.startswith("broken"):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name.startswith("alias"):
            answer.answer = [
                dns.rrset.from_text(name, 1, "IN", "CNAME", "host.test."),
                dns.rrset.from_text("host.test.", 1, "IN", kind, *self.records["host.test.", kind]),
            ]
        elif (name, kind) not in self.records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif self.records[name, kind]:
            answer.answer = [dns.rrset.from_text(name, 1, "IN", kind, *self.records[name, kind])]
        self.transport.sendto(answer.to_wire(), address)


@contextlib.asynccontextmanager
async def dns_sd(**config):
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(DnsServer, local_addr=("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    parsed = DnsSdConfig.model_validate(config)
    try:
        async with running(lambda pause: dns_discovery(parsed, resolver=resolver, pause=pause)) as rounds:
            yield server, rounds
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("config", "targets"),
    [
        (
            {"names": ["_http._tcp.test"]},
            [
                {"__address__": "one.test:8080", "__meta_dns_name": "_http._tcp.test",
                 "__meta_dns_srv_record_target": "one.test.", "__meta_dns_srv_record_port": "8080"},
                {"__address__": "two.test:9090", "__meta_dns_name": "_http._tcp.test",
                 "__meta_dns_srv_record_target": "two.test.", "__meta_dns_srv_record_port": "9090"},
            ],
        ),
        (
            {"names": ["host.test"], "type": "a", "port": 80},
            [{"__address__": "10.0.0.1:80", "__meta_dns_name": "host.test"}, {"__address__": "10.0.0.2:80", "__meta_dns_name": "host.test"}],
        ),
        (
            {"names": ["alias.test"], "type": "A", "port": 80},
            [{"__address__": "10.0.0.1:80", "__meta_dns_name": "alias.test"}, {"__address__": "10.0.0.2:80", "__meta_dns_name": "alias.test"}],
        ),
        ({"names": ["host.test"], "type": "AAAA", "port": 80}, [{"__address__": "[fd00::1]:80", "__meta_dns_name": "host.test"}]),
        (
            {"names": ["host.test"], "type": "MX", "port": 25},
            [{"__address__": "mail.test:25", "__meta_dns_name": "host.test", "__meta_dns_mx_record_target": "mail.test."}],
        ),
        (
            {"names": ["host.test"], "type": "NS", "port": 53},
            [{"__address__": "ns1.test:53", "__meta_dns_name": "host.test", "__meta_dns_ns_record_target": "ns1.test."}],
        ),
        ({"names": ["nobody.test"]}, []),
        ({"names": ["host.test"]}, []),
    ],
)  # fmt: skip
async def test_records_of_each_type_are_targets_with_prometheus_labels(config, targets):
    async with dns_sd(**config) as (_, rounds):
        (group,) = await rounds.first()
    assert sorted(map(dict, group.targets), key=str) == sorted(targets, key=str)
    assert group.source == config["names"][0]


async def test_a_name_that_fails_keeps_its_targets_and_hurts_no_other(caplog):
    async with dns_sd(names=["_http._tcp.test", "host.test", "broken.test"], refresh_interval="5s") as (server, rounds):
        groups = await rounds.first()
        assert [group.source for group in groups] == ["_http._tcp.test", "host.test"]
        server.records["host.test.", "SRV"] = ["0 0 1 late.test."]
        groups = await rounds.next()
        assert sorted(addresses(groups)) == ["late.test:1", "one.test:8080", "two.test:9090"]
        del server.records["_http._tcp.test.", "SRV"]
        assert addresses(await rounds.next()) == ["late.test:1"]
    assert caplog.text.count("dns discovery broken.test: could not resolve 'broken.test'") == 1
    assert rounds.seconds == [5, 5, 5]


# Docker. The shapes are those of the API's documentation, as a daemon of version 28 sends them.


def container(name, *, networks, ports=(), labels=None, mode="bridge", ident=None):
    return {
        "Id": ident or f"{name}-id",
        "Names": [f"/{name}"] if name else [],
        "Image": "example:1",
        "ImageID": "sha256:0",
        "Command": "/run",
        "Created": 1700000000,
        "Ports": [
            {"PrivatePort": private, "Type": kind} | ({"IP": ip, "PublicPort": public} if public else {})
            for private, kind, ip, public in ports
        ],
        "Labels": labels or {},
        "State": "running",
        "Status": "Up 2 hours",
        "HostConfig": {"NetworkMode": mode},
        "NetworkSettings": {
            "Networks": {
                network: {"IPAMConfig": None, "Links": None, "NetworkID": f"{network}-id", "IPAddress": ip, "IPPrefixLen": 16}
                for network, ip in networks.items()
            }
        },
        "Mounts": [],
    }  # fmt: skip


def network(name, **more):
    return {"Name": name, "Id": f"{name}-id", "Scope": "local", "Driver": "bridge", "EnableIPv6": False,
            "Internal": False, "Attachable": False, "Ingress": False, "Options": {}, "Labels": None} | more  # fmt: skip


def docker_answers(containers, networks):
    def answer(asked):
        return in_json(containers if asked.target.startswith("/containers/json") else networks)

    return answer


@contextlib.asynccontextmanager
async def docker_sd(tmp_path, containers, networks=(), **config):
    path, sessions = tmp_path / "docker.sock", Sessions()
    async with serving(docker_answers(containers, list(networks)), unix_socket=path) as server:
        parsed = DockerSdConfig.model_validate({"host": f"unix://{path}"} | config)
        async with running(lambda pause: docker_discovery(parsed, sessions=sessions, pause=pause)) as rounds:
            yield server, rounds


async def docker_targets(tmp_path, containers, networks=(), **config):
    async with docker_sd(tmp_path, containers, networks, **config) as (_, rounds):
        (group,) = await rounds.first()
    assert group.source == "Docker"
    return [dict(target) for target in group.targets]


async def test_a_container_is_a_target_with_all_labels_that_prometheus_documents(tmp_path):
    web = container(
        "web",
        networks={"shop": "172.18.0.2"},
        ports=[(8000, "tcp", "0.0.0.0", 80), (9100, "tcp", None, None), (53, "udp", None, None)],
        labels={"com.docker.compose.service": "web", "prometheus-job": "shop"},
        mode="shop",
    )
    targets = await docker_targets(tmp_path, [web], [network("shop", Internal=True, Labels={"a.b": "c"})])
    shared = {
        "__meta_docker_container_id": "web-id",
        "__meta_docker_container_name": "/web",
        "__meta_docker_container_network_mode": "shop",
        "__meta_docker_container_label_com_docker_compose_service": "web",
        "__meta_docker_container_label_prometheus_job": "shop",
        "__meta_docker_network_id": "shop-id",
        "__meta_docker_network_name": "shop",
        "__meta_docker_network_ip": "172.18.0.2",
        "__meta_docker_network_scope": "local",
        "__meta_docker_network_internal": "true",
        "__meta_docker_network_ingress": "false",
        "__meta_docker_network_label_a_b": "c",
    }
    assert targets == [
        shared
        | {
            "__address__": "172.18.0.2:8000",
            "__meta_docker_port_private": "8000",
            "__meta_docker_port_public": "80",
            "__meta_docker_port_public_ip": "0.0.0.0",
        },
        shared | {"__address__": "172.18.0.2:9100", "__meta_docker_port_private": "9100"},
    ]


TWO = {"zoo": "172.20.0.2", "app": "172.19.0.2"}
PORT = [(80, "tcp", None, None)]


@pytest.mark.parametrize(
    ("containers", "config", "expected"),
    [
        ([container("a", networks=TWO, ports=PORT)], {}, ["172.19.0.2:80"]),
        ([container("a", networks=TWO, ports=PORT)], {"match_first_network": "false"}, ["172.19.0.2:80", "172.20.0.2:80"]),
        ([container("a", networks={"app": "172.19.0.2"})], {}, ["172.19.0.2:80"]),
        ([container("a", networks={"app": "172.19.0.2"}, ports=[(53, "udp", None, None)])], {"port": "9"}, ["172.19.0.2:9"]),
        ([container("a", networks={"app": "fd00::2"}, ports=PORT)], {}, ["[fd00::2]:80"]),
        ([container("a", networks={"host": ""}, mode="host")], {}, ["localhost"]),
        ([container("a", networks={"host": ""}, mode="host")], {"host_networking_host": "node7"}, ["node7"]),
        ([container("", networks=TWO, ports=PORT)], {}, []),
        ([container("a", networks={}, mode="none")], {}, []),
        (
            [container("main", networks=TWO, ports=PORT, ident="1"), container("side", networks={}, mode="container:1", ports=[(81, "tcp", None, None)])],
            {},
            ["172.19.0.2:80", "172.19.0.2:81"],
        ),
        ([container("side", networks={}, mode="container:gone", ports=PORT)], {}, []),
        ([container("a", networks={}, mode="container:2", ident="1"), container("b", networks={}, mode="container:1", ident="2")], {}, []),
    ],
)  # fmt: skip
async def test_each_port_in_each_network_is_a_target(tmp_path, containers, config, expected):
    targets = await docker_targets(tmp_path, containers, [network("app"), network("zoo")], **config)
    assert [target["__address__"] for target in targets] == expected


async def test_missing_parts_of_an_answer_are_as_good_as_empty(tmp_path):
    bare = {"Id": "1", "Names": ["/x"], "Ports": None, "Labels": None, "HostConfig": {}, "NetworkSettings": None}
    full = bare | {"NetworkSettings": {"Networks": {"n": {"IPAddress": "10.0.0.1"}, "m": None}}}
    assert await docker_targets(tmp_path, [bare]) == []
    assert [target["__address__"] for target in await docker_targets(tmp_path, [full])] == ["10.0.0.1:80"]


async def test_filters_go_to_docker_in_its_own_form(tmp_path):
    filters = [{"name": "label", "values": ["a=b", "c"]}, {"name": "status", "values": ["running"]}]
    async with docker_sd(tmp_path, [], filters=filters) as (server, rounds):
        await rounds.first()
    path, _, query = server.asked[0].target.partition("?filters=")
    assert path == "/containers/json"
    assert json.loads(bytes.fromhex("".join(_hex(query)))) == {"label": ["a=b", "c"], "status": ["running"]}


def _hex(quoted):
    parts = iter(quoted)
    for letter in parts:
        yield next(parts) + next(parts) if letter == "%" else f"{ord(letter):02x}"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (in_json({"message": "no"}), "unexpected answer of Docker: the answer: "),
        (in_json([{"Names": []}]), "unexpected answer of Docker: 0.Id: "),
        (answered("403 Forbidden"), "server returned HTTP status 403 Forbidden"),
    ],
)
async def test_a_docker_that_answers_badly_leaves_its_targets(tmp_path, caplog, answer, message):
    async with docker_sd(tmp_path, [container("a", networks=TWO, ports=PORT)]) as (server, rounds):
        before = await rounds.first()
        server.answer = lambda _: answer
        assert await rounds.next() == before
    assert message in caplog.text


async def test_a_socket_that_is_not_there_is_said(tmp_path, caplog):
    config = DockerSdConfig(host=f"unix://{tmp_path}/none")
    async with running(lambda pause: docker_discovery(config, sessions=Sessions(), pause=pause)) as rounds:
        assert await rounds.first() is None
    assert "no such file or directory" in caplog.text


@needs_openssl
async def test_docker_is_asked_over_tcp_and_with_tls_if_it_has_an_authority(tmp_path):
    certificates = Certificates(tmp_path)
    context = certificates.server_context(*certificates.sign("d", subject_names="IP:127.0.0.1"))
    answer = docker_answers([container("a", networks=TWO, ports=PORT)], [network("app")])
    async with serving(answer) as plain, serving(answer, tls=context) as tls:
        for config in (
            {"host": f"tcp://127.0.0.1:{plain.port}"},
            {"host": plain.base},
            {"host": f"tcp://127.0.0.1:{tls.port}", "tls_config": {"ca_file": certificates.ca}},
            {"host": tls.base, "tls_config": {"insecure_skip_verify": True}},
        ):
            parsed, sessions = DockerSdConfig.model_validate(config), Sessions()
            async with running(
                lambda pause, c=parsed, s=sessions: docker_discovery(c, sessions=s, pause=pause)
            ) as rounds:
                assert addresses(await rounds.first()) == ["172.19.0.2:80"]
