"""`sonde query sql` against a server."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import Api, Sonde

ANSWER = {
    "columns": [
        {"name": "service", "type": "String"},
        {"name": "n", "type": "UInt64"},
        {"name": "x", "type": "Map(String, String)"},
    ],
    "rows": [["shop", 120, {"a": "b"}], ["ba\tr", 7, None]],
    "stats": {"rows_read": 1000, "bytes_read": 1, "elapsed_seconds": 0.25},
    "truncated": False,
}


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("table", 'service    n  x\n-------  ---  ----------\nshop     120  {"a": "b"}\nba\\tr      7  NULL\n'),
        ("json", '[{"service": "shop", "n": 120, "x": {"a": "b"}},\n {"service": "ba\\tr", "n": 7, "x": null}]\n'),
        ("csv", 'service,n,x\nshop,120,"{""a"": ""b""}"\nba\tr,7,\n'),
        ("tsv", 'service\tn\tx\nshop\t120\t{"a": "b"}\nba\\tr\t7\t\\N\n'),
    ],
)
def test_rows_are_written_in_the_form_that_is_asked_for(sonde: Sonde, api: Api, form: str, text: str):
    api.answer("/api/v1/query/sql", ANSWER)
    result = sonde("query", "sql", "SELECT 1", "--format", form, "--server", api.url)
    assert (result.returncode, result.stdout) == (0, text)


def test_the_question_carries_sql_parameters_key_and_tenant(sonde: Sonde, api: Api):
    api.answer("/api/v1/query/sql", ANSWER)
    sonde(
        *("query", "sql", "-", "--param", "service=a=b", "--tenant", "team-a"),
        stdin="SELECT {service:String}",
        SONDE_URL=api.url + "/",
        SONDE_API_KEY="k",
    )
    [(method, path, headers, body)] = api.asked
    assert (method, path) == ("POST", "/api/v1/query/sql")
    assert (headers["authorization"], headers["x-scope-orgid"]) == ("Bearer k", "team-a")
    assert json.loads(body) == {"sql": "SELECT {service:String}", "parameters": {"service": "a=b"}}


def test_an_error_of_the_server_is_shown_as_it_was_meant(sonde: Sonde, api: Api):
    error = {"code": "sql.syntax", "message": "unknown column x", "hint": "did you mean y?", "position": [1, 8]}
    api.answer("/api/v1/query/sql", {"error": error}, status=400)
    result = sonde("query", "sql", "SELECT x", "--server", api.url)
    assert (result.returncode, result.stderr) == (2, "sonde: 1:8: unknown column x\n  did you mean y?\n")


def test_a_server_that_wants_a_key_says_how_to_get_one(sonde: Sonde, api: Api):
    api.answer("/api/v1/query/sql", {"error": {"code": "unauthorized", "message": "no key", "hint": ""}}, status=401)
    assert "`sonde keys create` makes one" in sonde("query", "sql", "SELECT 1", "--server", api.url).stderr


def test_the_key_does_not_follow_a_redirect(sonde: Sonde, api: Api):
    api.answers["/api/v1/query/sql"] = (302, "text/plain", f"{api.url}/elsewhere".encode())
    result = sonde("query", "sql", "SELECT 1", "--server", api.url, "--key", "k")
    assert result.returncode == 2
    assert "answered 302" in result.stderr
    assert f"it points to {api.url}/elsewhere" in result.stderr
    assert len(api.asked) == 1


def test_something_else_on_the_port_is_not_taken_for_sonde(sonde: Sonde, api: Api):
    result = sonde("query", "sql", "SELECT 1", "--server", api.url)
    assert "answered 404 Not Found, and not as Sonde does" in result.stderr


def test_without_a_server_it_says_what_to_start(sonde: Sonde):
    result = sonde("query", "sql", "SELECT 1", "--server", "http://127.0.0.1:1")
    assert result.returncode == 2
    assert "no Sonde answers at http://127.0.0.1:1" in result.stderr
    assert "start one with `sonde serve`" in result.stderr
