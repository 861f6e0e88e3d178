"""`sonde query sql` against a running server, as a person types it."""

from __future__ import annotations

import subprocess

import pytest
from tests.e2e import bodies
from tests.e2e.server_process import SONDE, ServerProcess

pytestmark = pytest.mark.e2e


def ask(server: ServerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [SONDE, "query", "sql", *arguments, "--server", f"http://127.0.0.1:{server.ui}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_answers_as_a_table_or_as_text_for_programs(server: ServerProcess, tenant: str) -> None:
    assert server.send("logs", bodies.logs(5), tenant=tenant).status == 200
    server.wait_until_inserted()
    sql = "SELECT service, count() AS records FROM logs WHERE attr_int['batch'] = {batch:Int64} GROUP BY service"
    options = ["--param", "batch=5", "--tenant", tenant]

    table, csv = ask(server, sql, *options), ask(server, sql, *options, "--format", "csv")

    assert (csv.returncode, csv.stdout) == (0, "service,records\ncrash-2,40\n"), csv.stderr
    assert table.stdout.splitlines()[-1].split() == ["crash-2", "40"]
    assert "1 row in" in table.stderr


def test_a_mistake_is_said_in_one_line_and_an_exit_code(server: ServerProcess) -> None:
    wrong = ask(server, "SELECT nothing_of_that_name FROM logs")

    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "nothing_of_that_name" in wrong.stderr
    assert "Traceback" not in wrong.stderr
