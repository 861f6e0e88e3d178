"""Between the host's threads and the network: one bounded queue per signal, and one thread that empties them.

``put`` never blocks and never does I/O. When a queue is full, by count or by bytes, its oldest items go: after an
outage the newest are worth more. ``providers`` puts in; ``wire`` says how a batch of each signal is sent.

Why not the SDK's batch processors: their ``force_flush`` exports on the caller's thread and knows no deadline, their
shutdown waits 30 s a signal for a server that is down, they are bounded by count alone, and there is a thread for each
signal.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sonde.sdk.guard import guard
from sonde.telemetry.signal import OTEL_SIGNALS, Signal

_MAX_QUEUED_BYTES = 32 << 20
_EXIT_SECONDS = 3.0


class Sender(Protocol):
    """Sends the batches of one signal. Called on the outbox's thread only, but for ``abandon``."""

    def send(self, batch: list[object]) -> bool:
        """Send one batch; False when it was lost."""

    def abandon(self) -> None:
        """Stop waiting and retrying. Called from any thread."""

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed, so that waiting for more of them is in vain."""


@dataclass(slots=True)
class _Lane:
    queue: deque[tuple[object, int]] = field(default_factory=deque)
    queued_bytes: int = 0
    dropped: int = 0


class Outbox:
    """Queues for every signal and the thread that sends them. Safe across ``fork``: the child starts empty, with its
    own thread.

    Args:
        make_senders: builds one sender a signal; called again in a forked child, which must not share its parent's
        sockets. collect: called on the thread every ``collect_seconds`` and before a flush; it may ``put``. For
        metrics. queue_size: items a signal before the oldest go.
        batch_size: most items in one request; that many waiting wake the thread before its time.
        delay_seconds: how long an item waits at most while the server is well.
        collect_seconds: time between two calls of ``collect``.
    """

    def __init__(
        self,
        make_senders: Callable[[], Mapping[Signal, Sender]],
        *,
        collect: Callable[[], None],
        queue_size: int,
        batch_size: int,
        delay_seconds: float,
        collect_seconds: float,
    ) -> None:
        self._make_senders = make_senders
        self._collect = collect
        self._queue_size = queue_size
        self._batch_size = min(batch_size, queue_size)
        self._delay_seconds = delay_seconds
        self._collect_seconds = collect_seconds
        self._closed = False
        self._start()
        restart = weakref.WeakMethod(self._restart_after_fork)
        os.register_at_fork(after_in_child=lambda: (living := restart()) and living())

    def _restart_after_fork(self) -> None:
        with guard("sdk.fork"):
            if not self._closed:
                self._start()
                # multiprocessing ends its children with os._exit, without atexit, but runs finalisers of its own.
                if (util := sys.modules.get("multiprocessing.util")) is not None:
                    end = functools.partial(util.Finalize, None, self.close, (_EXIT_SECONDS,), exitpriority=10)
                    util.register_after_fork(self, lambda _: end())

    def _start(self) -> None:
        # The condition's lock is reentrant: a finaliser or signal handler may put while this thread is in here.
        self._changed = threading.Condition()
        self._lanes = {signal: _Lane() for signal in OTEL_SIGNALS}
        self._senders = self._make_senders()
        self._wanted = self._served = 0
        self._lost = 0
        self._due = False
        self._thread = threading.Thread(target=self._run, name="sonde-outbox", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> Mapping[Signal, int]:
        """Items that never left, by signal: the queue was full or the server refused or was away."""
        return {signal: lane.dropped for signal, lane in self._lanes.items()}

    def runs_here(self) -> bool:
        """Whether the caller is the outbox's own thread, whose HTTP calls and logs must not become telemetry again."""
        return threading.get_ident() == self._thread.ident

    def put(self, signal: Signal, item: object, size_bytes: int) -> None:
        """Queue one item of about this size."""
        lane = self._lanes[signal]
        with self._changed:
            if self._closed or signal not in self._senders:
                return
            queue = lane.queue
            queue.append((item, size_bytes))
            lane.queued_bytes += size_bytes
            while len(queue) > self._queue_size or (lane.queued_bytes > _MAX_QUEUED_BYTES and len(queue) > 1):
                lane.queued_bytes -= queue.popleft()[1]
                lane.dropped += 1
            if len(queue) >= self._batch_size and not self._due:
                self._due = True
                self._changed.notify_all()

    def flush(self, timeout_seconds: float) -> bool:
        """Send everything queued so far; True when the server has all of it before the timeout."""
        if self.runs_here():
            return False
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            self._wanted += 1
            ticket, lost_before = self._wanted, self._lost
            self._changed.notify_all()
            served = self._changed.wait_for(
                lambda: self._served >= ticket or not self._thread.is_alive(), max(0.0, deadline - time.monotonic())
            )
            return served and self._served >= ticket and self._lost == lost_before

    def close(self, timeout_seconds: float) -> bool:
        """Flush, then stop for good. Gives up at once when the server is away, and at the timeout in any case."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            if self._closed:
                return True
            self._wanted += 1
            ticket, lost_before = self._wanted, self._lost
            self._changed.notify_all()

            def settled() -> bool:
                return self._served >= ticket or not self._thread.is_alive() or self._is_hopeless()

            # Attempts inside a sender do not notify, so look now and then whether they have begun to fail.
            while not settled() and time.monotonic() < deadline:
                self._changed.wait(min(0.05, max(0.0, deadline - time.monotonic())))
            self._closed = True
            self._changed.notify_all()
            delivered = self._served >= ticket and self._lost == lost_before
        for sender in self._senders.values():
            sender.abandon()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return delivered

    def _is_hopeless(self) -> bool:
        return any(sender.is_failing for sender in self._senders.values())

    def _run(self) -> None:
        with guard("sdk.outbox"):
            _suppress_instrumentation()
        next_collect = time.monotonic() + self._collect_seconds
        while not self._closed:
            with guard("sdk.outbox"):
                ticket = self._wait()
                now = time.monotonic()
                if now >= next_collect or ticket > self._served:
                    with guard("sdk.collect"):
                        self._collect()
                    next_collect = now + self._collect_seconds
                for signal, sender in self._senders.items():
                    self._drain(signal, sender)
                with self._changed:
                    self._served = ticket
                    self._changed.notify_all()

    def _wait(self) -> int:
        with self._changed:
            self._changed.wait_for(
                lambda: self._due or self._closed or self._wanted > self._served, self._delay_seconds
            )
            self._due = False
            return self._wanted

    def _drain(self, signal: Signal, sender: Sender) -> None:
        lane = self._lanes[signal]
        remaining = len(lane.queue)  # what comes meanwhile waits its turn, so that no signal starves another
        while remaining > 0 and not self._closed:
            with self._changed:
                taken = [lane.queue.popleft() for _ in range(min(len(lane.queue), self._batch_size))]
                lane.queued_bytes -= sum(size for _, size in taken)
            remaining -= self._batch_size
            if not taken:
                return
            sent = False
            with guard(f"sdk.send.{signal}"):
                sent = sender.send([item for item, _ in taken])
            if not sent:
                with self._changed:
                    lane.dropped += len(taken)
                    self._lost += len(taken)


def _suppress_instrumentation() -> None:
    """For as long as this thread lives, instrumented HTTP clients make no spans of what it sends."""
    from opentelemetry import context

    key = context._SUPPRESS_INSTRUMENTATION_KEY  # noqa: SLF001 - the SDK's own exporters use the same key
    context.attach(context.set_value(key, True))
