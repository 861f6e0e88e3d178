"""``run_demo``: the whole demo beside a server, from the first process to the last line that says where to look.

    threading.Thread(target=run_demo, args=(endpoint, data_dir), kwargs={"ui_url": url, "stop": stop, "say": print})

Blocks until ``stop`` is set. It needs a server that accepts OTLP over HTTP, anywhere; alone it runs as
``python -m sonde.demo``.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sonde.demo.alerting import tell_phone
from sonde.demo.phone.app import told
from sonde.demo.process import Settings
from sonde.demo.supervisor import Process, obituary, stop_all, watch
from sonde.errors import SondeError

_READY_SECONDS = 120.0
_LOOK_SECONDS = 0.25
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class _Member:
    """A process of the demo. One with an ``address`` (a field of ``Settings``) serves HTTP and is waited for."""

    name: str
    module: str
    address: str = ""


# Started all at once, waited for in this order; each needs only those above it. Who comes early waits at a socket that
# listens already, so nobody is refused.
MEMBERS = (
    _Member("phone", "sonde.demo.phone", "phone"),
    _Member("llm-stub", "sonde.demo.provider", "provider"),
    _Member("ml-engine", "sonde.demo.ml_engine", "ml_engine"),
    _Member("backend-api", "sonde.demo.backend_api", "backend"),
    _Member("scraper", "sonde.demo.scraper"),
    _Member("traffic", "sonde.demo.traffic"),
)

# Metrics leave quickly, health checks leave no spans, arithmetic stays on one thread, and loopback needs no proxy.
_ENVIRONMENT = {
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    "OTEL_PYTHON_EXCLUDED_URLS": "healthz",
    "PYTHONUNBUFFERED": "1",
    "SONDE_ENVIRONMENT": "demo",
}
# Of what the visitor has set for Sonde and OpenTelemetry, the demo follows these only: the rest is for other services.
_KEPT_VARIABLES = frozenset({"SONDE_API_KEY", "SONDE_TENANT"})


class DemoError(SondeError):
    """A process of the demo ended or hung before it was ready; the message has its last lines."""

    default_code = "demo_failed"


def run_demo(
    server_endpoint: str,
    data_dir: Path,
    *,
    ui_url: str,
    stop: threading.Event,
    say: Callable[[str], None],
    seed: int = 7,
    incidents: bool = True,
) -> None:
    """Run the demo until ``stop`` is set, then end all of its processes, within five seconds.

    ``server_endpoint`` is the OTLP/HTTP root (``http://127.0.0.1:4318``). Files go to ``data_dir/demo``: the shop's
    database, made anew each time, and ``ground-truth.jsonl`` and ``notifications.jsonl``, which grow. ``say`` gets
    lines for the visitor, also of what the telephone is told. A process that dies later is reported with its last
    lines, and not started again. Without ``incidents`` nothing goes wrong.

    Raises ``DemoError`` if a process does not start; those that did are ended first.
    """
    demo_dir = data_dir / "demo"
    demo_dir.mkdir(parents=True, exist_ok=True)
    for leftover in demo_dir.glob("shop.sqlite*"):
        leftover.unlink()
    with ExitStack() as stack:
        listeners = {member.address: _listen(stack) for member in MEMBERS if member.address}
        urls = {address: f"http://127.0.0.1:{listener.getsockname()[1]}" for address, listener in listeners.items()}
        settings = Settings(
            sonde=server_endpoint,
            provider=urls["provider"],
            ml_engine=urls["ml_engine"],
            backend=urls["backend"],
            data_dir=demo_dir.absolute(),
            seed=seed,
            incidents=int(incidents),
        )
        tell_phone(demo_dir, urls["phone"])
        processes: list[Process] = []
        stack.callback(stop_all, processes)
        processes += (_start(member, settings, listeners) for member in MEMBERS)
        if not _ready(processes, urls, stop):
            return
        for line in where_to_look(ui_url, urls["backend"], demo_dir / "ground-truth.jsonl" if incidents else None):
            say(line)
        ringing = threading.Thread(target=_read_out, args=(demo_dir / "notifications.jsonl", stop, say))
        ringing.start()
        watch(processes, stop, say)
        ringing.join()


def _read_out(notifications: Path, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Say what the telephone is told from now on."""
    notifications.touch()
    with notifications.open(encoding="utf-8") as lines:
        lines.seek(0, os.SEEK_END)
        begun = ""
        while not stop.wait(_LOOK_SECONDS):
            *whole, begun = (begun + lines.read()).split("\n")
            for line in whole:
                for spoken in told(json.loads(line)):
                    say(spoken)


def where_to_look(ui_url: str, backend: str, ground_truth: Path | None) -> Sequence[str]:
    """What a visitor may try, as lines."""
    trouble = (
        f"From the second minute on things go wrong, one after the other; what and when is written to {ground_truth}"
    )
    question = """'{"question": "How long does delivery take?"}'"""
    headers = "-H 'x-api-key: demo-nordwind' -H 'content-type: application/json'"
    statement = '"SELECT model, count(), sum(cost_usd) FROM llm_calls GROUP BY model"'
    sonde = sys.argv[0] if Path(sys.argv[0]).name == "sonde" else "sonde"  # as it was called, on the PATH or not
    return (
        f"The demo is running. Look at {ui_url} : services, traces, logs and LLM cost are live.",
        "",
        "  Ask the shop's assistant; its answer names the trace to look at:",
        f"    curl -s {backend}/ask {headers} -d {question}",
        "  Ask Sonde in SQL:",
        f"    {sonde} query sql {statement}",
        f"  {trouble if ground_truth else 'Nothing goes wrong.'}",
        f"  Alerts are told here as they come, and at {ui_url}/alerts",
        "",
        "Ctrl-C ends it.",
    )


def _listen(stack: ExitStack) -> socket.socket:
    """A loopback socket on a free port: it listens from now on, so nobody can take the port before its process runs."""
    return stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG))


def _start(member: _Member, settings: Settings, listeners: Mapping[str, socket.socket]) -> Process:
    fd = listeners[member.address].fileno() if member.address else -1
    arguments = replace(settings, listen_fd=fd).arguments()
    process = Process(member.name, member.module, arguments, _environment(), fd)
    if member.address:
        # From here on the child alone holds the socket: when it dies, its clients are refused instead of left waiting.
        listeners[member.address].close()
    return process


def _environment() -> Mapping[str, str]:
    own = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT_VARIABLES or not name.startswith(("OTEL_", "SONDE_"))
    }
    return own | _ENVIRONMENT


def _ready(processes: Sequence[Process], urls: Mapping[str, str], stop: threading.Event) -> bool:
    """Wait until all processes that serve say that they are well; False if ``stop`` was set meanwhile."""
    deadline = time.monotonic() + _READY_SECONDS
    for member, process in zip(MEMBERS, processes, strict=False):
        while member.address and not _is_well(urls[member.address]):
            if process.exit_code is not None:
                raise DemoError(obituary(process))
            if time.monotonic() > deadline:
                lines = "\n".join(f"    {line}" for line in process.last_lines())
                raise DemoError(f"{member.name} was not ready after {_READY_SECONDS:.0f} s; its last lines:\n{lines}")
            if stop.wait(_LOOK_SECONDS):
                return False
    return True


def _is_well(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/healthz", timeout=_LOOK_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
