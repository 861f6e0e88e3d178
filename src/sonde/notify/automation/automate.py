"""Drives a ``Runs`` in real time: looks at what fires, runs what is due, and tells it how that went."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import shlex
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import sqlalchemy as sa

from sonde.errors import UserError
from sonde.notify.automation.command import Finished, run_program
from sonde.notify.automation.runs import (
    FAILED,
    OK,
    REFUSED,
    STOPPED,
    TIMED_OUT,
    Audit,
    Due,
    Outcome,
    Runs,
    firing,
)
from sonde.notify.call import CallFailed, call
from sonde.notify.clockwork import Alarm, Alone
from sonde.notify.notifiers.answer import one_line
from sonde.notify.notifiers.http_client import HttpClients
from sonde.notify.notifiers.words import json_body
from sonde.notify.response.automation import Response, fault_of_program
from sonde.notify.run import Alerting
from sonde.notify.template_data import AlertView, data_of
from sonde.state.audit_log import AuditEntry, record
from sonde.telemetry.template.escapers import json_text

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 4
_KILL_SECONDS: Final = 5.0
_REST_SECONDS: Final = 5.0


class Automating:
    """Runs the responses of one tenant's alerts.

    Args:
        runs: What decides.
        alerting: Whose alerts they are.
        clients: Who calls webhooks.
        now: The time, in nanoseconds.
        external_url: Where people find us; for webhooks.
    """

    def __init__(
        self,
        runs: Runs,
        alerting: Alerting,
        clients: HttpClients,
        now: Callable[[], int],
        *,
        external_url: str = "",
    ) -> None:
        self._runs = runs
        self._alerting = alerting
        self._clients = clients
        self._now = now
        self._external_url = external_url
        self._alone = Alone()
        self._alarm = Alarm(now, least_seconds=0.05, longest_seconds=None)
        self._commands: set[asyncio.Task[None]] = set()
        self._calls: set[asyncio.Task[None]] = set()

    async def reload(self, responses: Iterable[Response]) -> None:
        """Go on with other responses."""
        await self._alone(self._runs.reload, responses, self._now())
        self._alarm.ring()

    async def run(self) -> None:
        """Run until cancelled; then commands are killed, and answers not waited for."""
        self._stop = threading.Event()
        # Threads of their own: a command may take an hour, and others wait for the common ones.
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sonde-response")
        try:
            while True:
                self._alarm.reset()
                try:
                    await self._look()
                except Exception:  # noqa: BLE001 - whatever it was, what runs goes on, and what fires is looked at again
                    _log.exception("responses could not look at what fires; they look again in %g s", _REST_SECONDS)
                    await asyncio.sleep(_REST_SECONDS)
                await self._alarm.wait(self._runs.next_at() if self._runs.responses else None)
        finally:
            self._stop.set()
            for task in self._calls:
                task.cancel()
            self._threads.shutdown(wait=False, cancel_futures=True)
            if tasks := self._commands | self._calls:
                await asyncio.wait(tasks, timeout=_KILL_SECONDS)

    async def _look(self) -> None:
        if not self._runs.responses:
            return
        alerts = await self._alerting.ask(firing, self._now(), self._runs.wants)
        for due in await self._alone(self._runs.advance, alerts, self._now()):
            tasks = self._commands if due.response.command else self._calls
            task = asyncio.create_task(self._do(due), name=f"response {due.response.name}")
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _do(self, due: Due) -> None:
        view = data_of(
            [due.alert], receiver=due.response.name, group_labels=(), external_url=self._external_url, now=self._now()
        ).alerts[0]
        try:
            outcome = await (self._command(due, view) if due.response.command else self._call(due, view))
        except asyncio.CancelledError:
            outcome = Outcome(STOPPED, "Sonde ended before there was an answer")
        except Exception as error:  # noqa: BLE001 - whatever it was, the run must not stay open
            _log.exception("response %s has failed", due.response.name)
            outcome = Outcome(FAILED, f"{type(error).__name__}: {error}")
        if outcome.outcome != OK:
            _log.warning("response %s to %s: %s", due.response.name, due.run.alert, outcome.detail)
        try:
            await self._alone(self._runs.settle, due.run, outcome, self._now())
        except sa.exc.SQLAlchemyError:
            _log.exception("how run %s went could not be noted; it will be in doubt", due.run.id)

    async def _command(self, due: Due, view: AlertView) -> Outcome:
        try:
            argv = [argument.rendered(view, now=self._now()) for argument in due.response.command]
        except UserError as error:
            return Outcome(REFUSED, error.message)
        if fault := fault_of_program(argv[0]):
            return Outcome(REFUSED, fault)
        finished = await asyncio.get_running_loop().run_in_executor(
            self._threads,
            functools.partial(
                run_program,
                argv,
                given=self._body(due, view),
                environment={"SONDE_RESPONSE": due.response.name, "SONDE_RESPONSE_RUN": due.run.id},
                timeout_seconds=due.response.timeout / 1e9,
                stop=self._stop,
            ),
        )
        return _outcome(due.response, one_line(shlex.join(argv)), finished)

    async def _call(self, due: Due, view: AlertView) -> Outcome:
        if due.response.webhook is None:
            raise AssertionError("a response is a command or a webhook")
        headers = {"content-type": "application/json", "idempotency-key": due.run.id}
        try:
            said = await call(
                self._clients,
                due.response.webhook,
                method="POST",
                now=self._now(),
                timeout_seconds=due.response.timeout / 1e9,
                body=self._body(due, view),
                headers=headers,
            )
        except CallFailed as error:
            return Outcome(TIMED_OUT if error.is_late else FAILED, error.message)
        return Outcome(OK, said)

    def _body(self, due: Due, view: AlertView) -> bytes:
        """What a webhook is sent, and a command finds at its input."""
        return json_body(
            {
                "version": "1",
                "response": due.response.name,
                "run": due.run.id,
                "externalURL": self._external_url,
                "alert": json.loads(json_text(view)),
            }
        )


def _outcome(response: Response, what: str, finished: Finished) -> Outcome:
    def ended(outcome: str, how: str) -> Outcome:
        return Outcome(outcome, f"{what}: {how}", finished.output)

    if finished.error:
        return ended(FAILED, finished.error)
    if finished.was_stopped:
        return ended(STOPPED, "killed because Sonde ends")
    if finished.is_late:
        return ended(TIMED_OUT, f"killed after {response.timeout / 1e9:g} s")
    if finished.status is not None and finished.status < 0:
        return ended(FAILED, f"ended by signal {-finished.status}")
    return ended(OK if finished.status == 0 else FAILED, f"exit status {finished.status}")


def audit_to(engine: sa.Engine, tenant: str) -> Audit:
    """Notes runs in the audit log of a tenant."""

    def audit(actor: str, action: str, subject: str, at: int) -> None:
        record(engine, AuditEntry(at / 1e9, actor, tenant, action, subject, "sonde"))

    return audit
