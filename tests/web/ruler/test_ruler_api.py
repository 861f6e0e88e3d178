"""The ruler's API as mimirtool, Grafana and curl use it."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.web.ruler.serving import NOW, Served, served

from sonde.state.audit_log import newest_entries
from sonde.telemetry.tenancy import Role
from sonde.web.ruler import RulerLimits

RULES = "/prometheus/config/v1/rules"
GROUP = """
name: api
interval: 30s
rules:
  - alert: Down
    expr: up == 0
    for: 90s
    labels: {severity: page}
    annotations:
      summary: |
        {{ $labels.job }} is down.
        Look at it.
  - record: job:up:sum
    expr: sum by (job) (up)
"""
SQL = "{name: sql, rules: [{alert: A, expr: 'SELECT 1 AS value', language: sql}]}"
ACCEPTED = {"status": "success", "data": None, "errorType": "", "error": ""}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    opened = served(tmp_path, RulerLimits(groups=3, rules_per_group=4, body_bytes=2_000, name_characters=20))
    yield opened
    opened.engine.dispose()


async def test_a_group_that_is_put_runs_is_shown_and_is_deleted(server: Served) -> None:
    async with server.client() as client:
        put = await client.post(f"{RULES}/team", content=GROUP, headers={"content-type": "application/yaml"})
        assert (put.status_code, put.json()) == (202, ACCEPTED)
        assert server.ruler.running == {"default": [("team", "api", 2)]}

        one = await client.get(f"{RULES}/team/api")
        assert (one.status_code, one.headers["content-type"]) == (200, "application/yaml")
        asked = yaml.safe_load(GROUP)
        asked["rules"][0]["for"] = "1m30s"
        assert yaml.safe_load(one.text) == asked
        for path in (RULES, f"{RULES}/", f"{RULES}/team", f"{RULES}?subtype=mimir"):
            assert yaml.safe_load((await client.get(path)).text) == {"team": [asked]}
        in_json = await client.get(f"{RULES}/team", headers={"accept": "application/json"})
        assert in_json.json() == {"team": [asked]}

        assert (await client.delete(f"{RULES}/team/api")).status_code == 202
        assert server.ruler.running == {"default": []}
        assert ((await client.get(RULES)).status_code, (await client.get(RULES)).text) == (200, "{}\n")
        gone = await client.get(f"{RULES}/team/api")
        assert (gone.status_code, gone.text) == (404, "group does not exist\n")
        assert gone.headers["content-type"].startswith("text/plain")


async def test_putting_again_replaces_and_a_namespace_goes_as_a_whole(server: Served) -> None:
    async with server.client() as client:
        await client.post(f"{RULES}/team", content=GROUP)
        await client.post(f"{RULES}/team", content="{name: api, rules: [{record: a, expr: '1'}]}")
        await client.post(f"{RULES}/team", content=SQL)
        await client.post(f"{RULES}/other", content=GROUP)
        assert server.ruler.running["default"] == [("other", "api", 2), ("team", "api", 1), ("team", "sql", 1)]
        assert yaml.safe_load((await client.get(f"{RULES}/team/sql")).text)["rules"][0]["language"] == "sql"
        assert (await client.delete(f"{RULES}/team")).json() == ACCEPTED
        assert server.ruler.running["default"] == [("other", "api", 2)]
        again = await client.delete(f"{RULES}/team")
        assert (again.status_code, again.text) == (404, "group namespace does not exist\n")


@pytest.mark.parametrize("namespace", ["a/b", "with space", "ä%", "a+b", ".."])
async def test_names_may_have_any_characters_once_they_are_escaped(server: Served, namespace: str) -> None:
    escaped = "".join(f"%{byte:02X}" for byte in namespace.encode())
    group = yaml.safe_dump({"name": namespace, "rules": [{"record": "a", "expr": "1"}]})
    async with server.client() as client:
        assert (await client.post(f"{RULES}/{escaped}", content=group)).status_code == 202
        assert server.ruler.running["default"] == [(namespace, namespace, 1)]
        assert yaml.safe_load((await client.get(f"{RULES}/{escaped}/{escaped}")).text)["name"] == namespace
        assert (await client.delete(f"{RULES}/{escaped}/{escaped}")).status_code == 202


async def test_escaped_slashes_arrive_through_a_real_server(server: Served, listening: Any) -> None:
    address = listening(server.app).removeprefix("http://")

    def ask(method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(address, timeout=20)
        connection.request(method, path, body)
        answer = connection.getresponse()
        said = answer.read().decode()
        connection.close()
        return answer.status, said

    assert (await asyncio.to_thread(ask, "POST", f"{RULES}/a%2Fb", GROUP))[0] == 202
    status, said = await asyncio.to_thread(ask, "GET", f"{RULES}/a%2Fb?x=1")
    assert (status, list(yaml.safe_load(said))) == (200, ["a/b"])
    assert (await asyncio.to_thread(ask, "DELETE", f"{RULES}/a%2Fb/api"))[0] == 202


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("name: a\nrules:\n- record: b\n  expr: sum(", 400,
         '4:9: group "a", rule 1, "b": could not parse expression'),
        ("name: a\nrules: [{record: b, exprr: up}]", 400, "2:21: field exprr not found in type rulefmt.Rule"),
        ("name: a\nrules: [{alert: b, expr: up, labels: {a: '{{ $x }}'}}]", 400, 'undefined variable "$x"'),
        ("name: a\nsource_tenants: [b]\nrules: [{record: b, expr: up}]", 400, "field source_tenants not found"),
        ("rules: [{record: b, expr: up}]", 400, "1:1: Groupname must not be empty"),
        ("groups: [{name: a}]", 400, "1:1: field groups not found in type rulefmt.RuleGroup"),
        ("name: a\nrules: []", 400, "rule group 'a' has no rules"),
        ("name: a\nrules: [{record: b, expr: up}]\n---\nname: c", 400, "more than one document"),
        ("", 400, "there is no rule group"),
        ("- a", 400, "cannot unmarshal !!seq into rulefmt.RuleGroup"),
        ("{", 400, "yaml: "),
        ("name: a\nrules: [" + "{record: b, expr: up}," * 5 + "]", 400, "has 5 rules, 4 are allowed"),
        (f"name: {'a' * 21}\nrules: [{{record: b, expr: up}}]", 400, "more than 20 characters"),
        ("#" * 2_001, 413, "the rule group is larger than"),
        ("name: a\nrules: [{record: b, expr: up, labels: &a {<<: *a}}]", 400, ""),
        ("&a {<<: [*a, *a, *a], name: b}", 400, "document contains excessive aliasing"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_refused_and_nothing_is_kept(
    server: Served, body: str, status: int, message: str
) -> None:
    async with server.client() as client:
        answer = await client.post(f"{RULES}/team", content=body)
        assert answer.status_code == status, answer.text
        assert message in answer.text
        assert (await client.get(RULES)).text == "{}\n"
    assert server.ruler.running == {}


async def test_a_fault_in_json_has_its_place(server: Served) -> None:
    async with server.client(accept="application/json") as client:
        error = (await client.post(f"{RULES}/team", content="name: a\nrulez: []")).json()["error"]
        assert (error["code"], error["position"]) == ("rules.file", [2, 1])


async def test_there_is_an_end_to_groups_but_those_that_are_there_can_be_changed(server: Served) -> None:
    async with server.client() as client:
        for name in "abc":
            text = f"{{name: {name}, rules: [{{record: a, expr: '1'}}]}}"
            assert (await client.post(f"{RULES}/team", content=text)).status_code == 202
        refused = await client.post(f"{RULES}/team", content=GROUP)
        assert (refused.status_code, "there are 3 rule groups" in refused.text) == (400, True)
        assert (await client.post(f"{RULES}/team", content=text)).status_code == 202


async def test_what_cannot_be_evaluated_is_put_back(server: Served) -> None:
    async with server.client() as client:
        await client.post(f"{RULES}/team", content=GROUP)
        server.ruler.refuses = "the group api of team is there twice"
        changed = "{name: api, rules: [{record: a, expr: '1'}]}"
        assert (await client.post(f"{RULES}/team", content=changed)).status_code == 400
        assert (await client.post(f"{RULES}/team", content=changed.replace("api", "new"))).status_code == 400
        assert [group["name"] for group in yaml.safe_load((await client.get(RULES)).text)["team"]] == ["api"]
        assert len(yaml.safe_load((await client.get(f"{RULES}/team/api")).text)["rules"]) == 2


@pytest.mark.parametrize(
    ("method", "path", "role", "status"),
    [
        ("GET", RULES, None, 401),
        ("GET", RULES, Role.INGEST, 403),
        ("GET", RULES, Role.READ, 200),
        ("POST", f"{RULES}/team", None, 401),
        ("POST", f"{RULES}/team", Role.READ, 403),
        ("POST", f"{RULES}/team", Role.WRITE, 202),
        ("DELETE", f"{RULES}/team", Role.READ, 403),
        ("DELETE", f"{RULES}/team/api", Role.READ, 403),
        ("DELETE", f"{RULES}/team/api", Role.WRITE, 404),
        ("GET", "/loki/api/v1/rules", None, 401),
        ("POST", "/loki/api/v1/rules/team", Role.READ, 403),
    ],
)
async def test_who_may_do_what(server: Served, method: str, path: str, role: Role | None, status: int) -> None:
    server.key(Role.ADMIN)
    async with server.client(server.key(role) if role else "") as client:
        assert (await client.request(method, path, content=GROUP)).status_code == status


async def test_tenants_do_not_see_each_other_and_changes_are_on_record(server: Served) -> None:
    async with server.client(server.key(Role.WRITE, "a")) as one, server.client(server.key(Role.WRITE, "b")) as other:
        await one.post(f"{RULES}/team", content=GROUP)
        assert (await other.get(f"{RULES}/team/api")).status_code == 404
        assert (await other.delete(f"{RULES}/team")).status_code == 404
        assert (await other.get(RULES)).text == "{}\n"
        assert (await one.delete(f"{RULES}/team")).status_code == 202
    told = [(entry.tenant, entry.actor, entry.action, entry.subject) for entry in newest_entries(server.engine)]
    assert sorted(told) == [("a", "write", "rules.delete", "team"), ("a", "write", "rules.put", "team/api")]


@pytest.mark.parametrize("prefix", ["/loki/api/v1", "/api/prom"])
@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/rules", 404, "no rule groups found"),
        ("GET", "/rules/team", 404, "no rule groups found"),
        ("GET", "/rules/team/api", 404, "group does not exist"),
        ("POST", "/rules/team", 501, "rules in LogQL are not supported yet"),
        ("DELETE", "/rules/team", 404, "group namespace does not exist"),
        ("DELETE", "/rules/team/api", 404, "group does not exist"),
        ("GET", "/rules/a/b/c", 404, "there is nothing at"),
        ("GET", "/rulesx", 404, "there is nothing at"),
    ],
)
async def test_logql_is_refused_aloud(
    server: Served, prefix: str, method: str, path: str, status: int, message: str
) -> None:
    async with server.client() as client:
        answer = await client.request(method, prefix + path)
        assert (answer.status_code, message in answer.text) == (status, True), answer.text


async def test_the_time_and_the_name_of_who_changed_it_are_kept(server: Served) -> None:
    from sonde.state.rule_groups import find_group

    async with server.client(server.key(Role.WRITE)) as client:
        await client.post(f"{RULES}/team", content=GROUP)
    found = find_group(server.engine, "default", "team", "api")
    assert found is not None
    assert (found.updated_at, found.updated_by) == (NOW, "write")
