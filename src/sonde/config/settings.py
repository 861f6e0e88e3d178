"""The keys of the configuration: a field is a key, the string below it its documentation.

``load`` fills them, ``app`` reads them; docs/reference/configuration.md is written from them.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from sonde.config.values import (
    Address,
    Duration,
    File,
    Folder,
    Kind,
    Listen,
    Names,
    Patterns,
    Size,
    lower_case,
    read_list,
    read_yaml,
)
from sonde.errors import UserError

_GIB = 1 << 30
_MIB = 1 << 20


class Section(BaseModel):
    """A mapping in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class MaxBytes(Section):
    """The most that may be kept on disk; beyond it the oldest days go first. 0 sets no bound."""

    traces: Size = 0
    """Spans, their index and their digests."""
    logs: Size = 0
    """Log records."""
    metrics: Size = 0
    """Series, samples, histograms, exemplars and rollups."""
    llm_calls: Size = 0
    """LLM calls and RAG traces."""
    feedback: Size = 0
    """Feedback and evaluation scores."""


class Retention(Section):
    """How long telemetry is kept, in time and in bytes, whichever is reached first. 0 keeps for ever."""

    traces: Duration = timedelta(days=90)
    """Spans, their index and their digests; API requests are spans."""
    logs: Duration = timedelta(days=30)
    """Log records."""
    metrics: Duration = timedelta(days=400)
    """Samples, histograms and exemplars."""
    metrics_rollups: Duration = timedelta(days=400)
    """What samples are summed up to for long ranges, every 5 minutes and every hour; never shorter than `metrics`."""
    llm_calls: Duration = timedelta(days=90)
    """LLM calls and RAG traces."""
    feedback: Duration = timedelta(0)
    """Feedback and evaluation scores."""
    max_bytes: MaxBytes = MaxBytes()


class MetricLimits(Section):
    """How many series there may be. What is beyond is refused and said, and series that are there go on."""

    series: Annotated[int, Field(ge=0)] = 1_000_000
    """The most series that a tenant may have on a day; 0 sets no bound. Counted every five seconds."""
    labels_per_series: Annotated[int, Field(ge=1)] = 128
    """The most labels of a series."""
    label_name_bytes: Annotated[int, Field(ge=1)] = 1024
    """The longest name of a label, in bytes."""
    label_value_bytes: Annotated[int, Field(ge=1)] = 16_384
    """The longest value of a label, in bytes."""


class Limits(Section):
    """What one request may cost. Beyond it the caller gets an error that names the limit."""

    max_body_bytes: Size = 64 * _MIB
    """The largest telemetry body, before and after decompression."""
    max_pending_bytes: Size = 512 * _MIB
    """The most of a signal that may wait in segments for the store; beyond it senders are told to try again later."""
    min_free_bytes: Size = 64 * _MIB
    """Room that must stay free on the disk; below it senders are told to try again later."""
    query_timeout: Duration = timedelta(seconds=30)
    """The longest that a query may run."""
    query_memory: Size = _GIB
    """The most memory that a query may use."""
    query_rows: Annotated[int, Field(ge=1)] = 100_000
    """The most rows that a query may return."""
    metrics: MetricLimits = MetricLimits()


class Engine(Section):
    """Caps on the embedded ClickHouse, so that it fits beside your application."""

    memory: Size = 1536 * _MIB
    """The most memory that the engine may use for all queries, inserts and merges together."""
    threads: Annotated[int, Field(ge=1)] = 2
    """Threads of one query."""
    merge_threads: Annotated[int, Field(ge=1)] = 2
    """Threads that merge what was written into larger parts."""
    mark_cache: Size = 64 * _MIB
    """Cache of marks, the sparse index of column files."""


class Otlp(Section):
    """How OTLP metrics become Prometheus series; the key is named as in Prometheus' configuration."""

    translation_strategy: Literal["UnderscoreEscapingWithSuffixes", "NoUTF8EscapingWithSuffixes", "NoTranslation"] = (
        "UnderscoreEscapingWithSuffixes"
    )
    """`NoUTF8EscapingWithSuffixes` keeps UTF-8 names as they are; `NoTranslation` adds no unit and `_total` either."""


class Prometheus(Section):
    """Scraping, as Prometheus' own configuration file tells it."""

    config_file: File | None = None
    """A `prometheus.yml`: `global`, `scrape_configs` and `rule_files`. Read again on SIGHUP and
    `POST /prometheus/-/reload`, as all files of rules and alerts are."""
    tenant: str = "default"
    """Whose the scraped series are, and those of the collectors."""


class Rules(Section):
    """Recording and alerting rules: Prometheus' rule files, and packs that come with Sonde."""

    files: Patterns = ()
    """Rule files, as paths that may have `*`; beside `rule_files` of `prometheus.config_file`."""
    packs: Names = ()
    """Packs of rules that come with Sonde, each with runbooks: `service, host, llm_cost …` (docs/rule-packs.md), or
    `all`."""
    slos: Patterns = ()
    """Files of service level objectives (OpenSLO or the short form), as paths that may have `*`."""
    evaluation_interval: Duration = timedelta(0)
    """How often groups that say nothing are evaluated; 0 is what `prometheus.config_file` says, or a minute."""
    runbooks: Folder | None = None
    """A folder with runbooks of yours, `<Alert>.md` each; they go before those that come with Sonde."""
    tenant: str = "default"
    """Whose rules the files and packs are."""


class Alertmanager(Section):
    """Who is told of alerts, and how."""

    config_file: File | None = None
    """An `alertmanager.yml`, as Alertmanager has it; without one alerts are shown and nobody is told."""
    response_file: File | None = None
    """What Alertmanager never had: on-call, escalation, cooldowns, flapping, automated responses, digest
    (docs/on-call.md)."""


class Postgres(Section):
    """A PostgreSQL server that is watched."""

    dsn: SecretStr
    """`postgresql://user@host:port/database?sslmode=require`, or `host=… user=…` as libpq reads it."""
    password: SecretStr = SecretStr("")
    """Instead of one in the DSN."""
    password_file: File | None = None
    """A file with the password."""
    disabled: Names = ()
    """Names of postgres_exporter's collectors that are left out."""
    statements: Annotated[int, Field(ge=0)] = 100
    """How many statements of `pg_stat_statements` are told, those that took the most time."""


class Redis(Section):
    """A Redis or Valkey server that is watched."""

    url: SecretStr
    """`redis://user@host:port/db`, `rediss://` for TLS, or `unix:///path`."""
    password: SecretStr = SecretStr("")
    """Instead of one in the URL."""
    password_file: File | None = None
    """A file with the password."""


Watched = Literal["host", "process", "containers", "sonde"]


class Collectors(Section):
    """Exporters inside Sonde, with the metric names of the exporters that people know."""

    enabled: Annotated[
        tuple[Watched, ...], BeforeValidator(read_list), Kind("list of host, process, containers, sonde")
    ] = ()
    """What is watched of this machine: `host` as node_exporter tells it, `process` as process-exporter, `containers` as
    cAdvisor, and `sonde`, its own `/metrics`."""
    interval: Duration = timedelta(seconds=15)
    """How often."""
    rootfs: Folder = Path("/")
    """Where the machine's root is: `/host` in a container that has it mounted there."""
    host_disabled: Names = ()
    """Names of node_exporter's collectors that are left out, such as `hwmon`."""
    docker_socket: File = Path("/var/run/docker.sock")
    """Docker's or Podman's socket, for the names of containers."""
    postgres: Annotated[
        tuple[Postgres, ...], BeforeValidator(read_yaml), Kind("list of servers", structured=True, secret=True)
    ] = ()
    """PostgreSQL servers, as postgres_exporter tells them: `[{dsn: "postgresql://sonde@db/shop", password_file: …}]`,
    and where it matters `password`, `disabled` and `statements`."""
    redis: Annotated[
        tuple[Redis, ...], BeforeValidator(read_yaml), Kind("list of servers", structured=True, secret=True)
    ] = ()
    """Redis servers, as redis_exporter tells them: `[{url: "redis://cache:6379", password_file: …}]`."""

    @field_validator("interval")
    @classmethod
    def _not_too_often(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=1):
            raise ValueError("at least 1s")
        return value


class Store(Section):
    """Where telemetry is kept."""

    engine: Literal["embedded", "server"] = "embedded"
    """`embedded` is ClickHouse inside this process; `server` is a ClickHouse server or cluster over HTTP."""
    url: str = ""
    """The server's HTTP address, like https://clickhouse.internal:8443."""
    user: str = "default"
    """The server's user."""
    password: SecretStr = SecretStr("")
    """The user's password."""
    cluster: str = ""
    """The cluster's name, if tables are to be replicated and distributed; empty for a single server."""


class OwnPrice(Section):
    """A price of yours; it goes before the price list."""

    model: str
    """A model's name, or a pattern with * and ?."""
    provider: str = ""
    """Only of this provider."""
    valid_from: date = date.min
    """The first day on which it holds."""
    usd_per_million: dict[str, Annotated[float, Field(ge=0)]]
    """US dollars for a million tokens, by bucket: input, output, input_cache_read …"""


class Llm(Section):
    """What LLM calls cost."""

    prices: Annotated[tuple[OwnPrice, ...], BeforeValidator(read_yaml), Kind("list of prices", structured=True)] = ()
    """Prices that go before the price list: `[{model: my-llama-*, usd_per_million: {input: 0.2, output: 0.6}}]`, and
    where it matters `provider` and `valid_from`."""
    trust_provided_cost: bool = False
    """Whether a cost that the sender computed goes before ours."""


class Log(Section):
    """Sonde's own log, on stderr."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower_case)] = "info"
    """The least severe level that is written."""
    format: Literal["auto", "text", "json"] = "auto"
    """`auto` is text on a terminal and JSON elsewhere."""


class Settings(Section):
    """All that Sonde is told. Frozen: a change is a restart."""

    data: Folder = Field(default=Path("~/.local/share/sonde"), validate_default=True)
    """Where segments, the embedded store and the state live."""
    listen: Listen = Address("127.0.0.1", 3000)
    """UI, API and every dialect under its prefix."""
    otlp_grpc: Listen = Address("127.0.0.1", 4317)
    """OTLP over gRPC."""
    otlp_http: Listen = Address("127.0.0.1", 4318)
    """OTLP over HTTP."""
    external_url: str = ""
    """Where people reach Sonde, for links in notifications; empty is the address of `listen`."""
    drop_in: bool = False
    """Also open the standard ports of the originals: so far 9090, Prometheus, and 9093, Alertmanager."""
    api_key: SecretStr | None = None
    """A key with the role admin that exists without `sonde keys create`; for the first start and for containers."""
    allowed_hosts: Names = ()
    """Names beside localhost under which browsers may reach a Sonde that has no keys."""
    durability: Literal["process", "power"] = "process"
    """What acknowledged data survives: a crash of the process, or also a loss of power (one fsync for all waiting)."""
    retention: Retention = Retention()
    limits: Limits = Limits()
    otlp: Otlp = Otlp()
    prometheus: Prometheus = Prometheus()
    rules: Rules = Rules()
    alertmanager: Alertmanager = Alertmanager()
    collectors: Collectors = Collectors()
    engine: Engine = Engine()
    store: Store = Store()
    llm: Llm = Llm()
    log: Log = Log()

    @property
    def open_doors(self) -> dict[str, Address]:
        """The addresses that other machines can reach, by key."""
        addresses = {"listen": self.listen, "otlp_grpc": self.otlp_grpc, "otlp_http": self.otlp_http}
        return {key: address for key, address in addresses.items() if not address.is_loopback}

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if self.external_url and not self.external_url.startswith(("http://", "https://")):
            raise ValueError("external_url must be an http:// or https:// address")
        if self.store.engine == "server" and not self.store.url.startswith(("http://", "https://")):
            raise ValueError("store.url must be an http:// or https:// address when store.engine is server")
        addresses = [address for address in (self.listen, self.otlp_grpc, self.otlp_http) if address.port]
        if len(set(addresses)) < len(addresses):
            raise ValueError("listen, otlp_grpc and otlp_http need an address each")
        return self


def refuse_open_door(settings: Settings, *, has_keys: bool) -> None:
    """Refuse to listen where other machines can reach us while nobody has to say who they are.

    Raises:
        UserError: an address is not loopback, and there is neither ``api_key`` nor a key in the state.
    """
    if settings.open_doors and not has_keys and settings.api_key is None:
        doors = ", ".join(f"{key} {address}" for key, address in settings.open_doors.items())
        raise UserError(
            f"other machines could reach {doors} without a key",
            code="config.open_door",
            hint=f"create a key with `sonde keys create NAME --role admin --data {settings.data}`, "
            "or set SONDE_API_KEY, or listen on 127.0.0.1",
        )
