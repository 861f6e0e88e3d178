"""Configuration from a file, the environment and flags."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from sonde.config import Address, load, refuse_open_door
from sonde.config.keys import KEYS, value_of
from sonde.config.settings import MaxBytes, OwnPrice, Redis, Retention
from sonde.config.values import format_duration, format_size, parse_size
from sonde.errors import UserError
from sonde.store.retention import TABLES
from sonde.telemetry.duration import parse_duration

OWN_PRICE = OwnPrice(model="own-*", usd_per_million={"input": 2.0})


def write(folder: Path, text: str) -> Path:
    file = folder / "sonde.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_flag_wins_over_the_environment_the_environment_over_the_file_the_file_over_the_default(tmp_path: Path):
    file = write(tmp_path, "listen: 127.0.0.1:1\notlp_grpc: 127.0.0.1:2\notlp_http: 127.0.0.1:3\n")
    configuration = load(
        file=file,
        environment={"SONDE_LISTEN": "127.0.0.1:10", "SONDE_OTLP_GRPC": "127.0.0.1:20"},
        flags={"listen": "127.0.0.1:100", "data": None},
    )
    settings, origins = configuration.settings, configuration.origins
    assert (settings.listen.port, settings.otlp_grpc.port, settings.otlp_http.port) == (100, 20, 3)
    assert (origins["listen"], origins["otlp_grpc"], origins["otlp_http"], origins["drop_in"]) == (
        "--listen",
        "SONDE_OTLP_GRPC",
        f"{file}:3:12",
        "default",
    )


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("retention.traces", "7d", timedelta(days=7)),
        ("retention.feedback", "0", timedelta(0)),
        ("retention.max_bytes.logs", "20GB", 20_000_000_000),
        ("limits.max_body_bytes", "64MiB", 67_108_864),
        ("limits.query_rows", "5", 5),
        ("listen", "[::1]:80", Address("::1", 80)),
        ("otlp_http", ":4318", Address("0.0.0.0", 4318)),
        ("drop_in", "true", True),
        ("drop_in", "no", False),
        ("log.level", "WARNING", "warning"),
        ("allowed_hosts", "a.example, b.example", ("a.example", "b.example")),
        ("data", "/srv/sonde", Path("/srv/sonde")),
        ("prometheus.config_file", "/etc/prometheus/prometheus.yml", Path("/etc/prometheus/prometheus.yml")),
        ("collectors.enabled", "host, process", ("host", "process")),
        ("collectors.redis", '[{"url": "redis://cache"}]', (Redis(url=SecretStr("redis://cache")),)),
        ("llm.prices", '[{"model": "own-*", "usd_per_million": {"input": 2}}]', (OWN_PRICE,)),
    ],
)
def test_a_value_is_read_alike_from_file_environment_and_flag(tmp_path: Path, key: str, text: str, value: object):
    *sections, name = key.split(".")
    nested: object = {name: text}
    for section in reversed(sections):
        nested = {section: nested}
    file = write(tmp_path, yaml.safe_dump(nested))
    read = [
        load(file=file),
        load(environment={KEYS[key].variable: text}),
        load(flags={key: text}),
    ]
    assert [value_of(configuration.settings, key) for configuration in read] == [value] * 3


def test_yaml_numbers_booleans_and_lists_need_no_quotes(tmp_path: Path):
    file = write(tmp_path, "retention: {feedback: 0, traces: 7d}\ndrop_in: yes\nallowed_hosts: [a, b]\nlog:\n")
    settings = load(file=file).settings
    assert (settings.retention.feedback, settings.drop_in, settings.allowed_hosts) == (timedelta(0), True, ("a", "b"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("retension: {traces: 3d}", "1:1: unknown key retension; did you mean retention?"),
        ("retention: {trace: 3d}", "1:13: unknown key retention.trace; did you mean retention.traces?"),
        ("traces: 3d", "1:1: unknown key traces; did you mean retention.traces?"),
        ("whatever: 1", "1:1: unknown key whatever"),
        (
            "retention:\n  traces: soon",
            "2:11: retention.traces: 'soon' is not a duration; write it like 1h30m, 15s or 250ms",
        ),
        ("retention: 3d", "1:12: retention must be a mapping of keys to values"),
        ("listen: 3000", "1:9: listen: '3000' is not an address; write it like 127.0.0.1:3000 or [::1]:3000"),
        ("listen: ::1:3000", "1:9: listen: '::1:3000' is not an address; write it like 127.0.0.1:3000 or [::1]:3000"),
        ("drop_in: maybe", "1:10: drop_in: 'maybe' is neither true nor false"),
        ("durability: disk", "1:13: durability: 'disk' is not one of 'process' or 'power'"),
        ("limits: {query_rows: many}", "1:22: limits.query_rows: 'many' is not a whole number"),
        ("limits: {query_rows: 0}", "1:22: limits.query_rows: '0': input should be greater than or equal to 1"),
        (
            "engine: {memory: 2 apples}",
            "1:18: engine.memory: '2 apples' is not a size; write it like 512MB, 64MiB or 20GB",
        ),
        ("data:", "1:1: data has no value that could be read; leave the line out for the default"),
        ("data: {a: b}", "1:1: data has no value that could be read; leave the line out for the default"),
        ("data: /a\ndata: /b", "2:1: data stands here a second time"),
        (
            "llm:\n  prices:\n  - model: x\n    usd_per_million: {input: free}",
            "3:3: llm.prices: 0.usd_per_million.input: 'free': input should be a valid number, unable to parse string as a number",
        ),
        (
            "collectors: {enabled: [host, proc]}",
            "1:23: collectors.enabled: 1: 'proc' is not one of 'host', 'process', 'containers' or 'sonde'",
        ),
        (
            "collectors:\n  redis:\n  - {url: redis://:hunter2@cache, secret: hunter2}",
            "3:3: collectors.redis: 0.secret: extra inputs are not permitted",
        ),
        ("collectors: {interval: 10ms}", "1:24: collectors.interval: at least 1s"),
        ("- data", "1:1: the file must be a mapping of keys to values"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(tmp_path: Path, text: str, problem: str):
    file = write(tmp_path, text)
    with pytest.raises(UserError) as raised:
        load(file=file)
    assert raised.value.message == f"the configuration cannot be used\n  {file}:{problem}"


def test_all_mistakes_are_told_at_once(tmp_path: Path):
    file = write(tmp_path, "retension: 1\ndrop_in: maybe\n")
    with pytest.raises(UserError) as raised:
        load(file=file, environment={"SONDE_LOG_LEVEL": "loud"}, flags={"listen": "x"})
    places = [line.split(": ")[0].strip() for line in raised.value.message.splitlines()[1:]]
    assert places == [f"{file}:1:1", "--listen", f"{file}:2:10", "SONDE_LOG_LEVEL"]


def test_settings_that_do_not_fit_together_are_refused():
    with pytest.raises(UserError, match=r"store\.url must be an http:// or https:// address"):
        load(flags={"store.engine": "server"})
    with pytest.raises(UserError, match="need an address each"):
        load(flags={"listen": "127.0.0.1:4317"})


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\ta: 1"])
def test_a_file_that_is_not_yaml_is_told_with_its_place(tmp_path: Path, text: str):
    with pytest.raises(UserError, match=r"sonde\.yaml:\d+:\d+: not YAML: "):
        load(file=write(tmp_path, text))


def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path: Path):
    with pytest.raises(UserError, match=r"absent\.yaml cannot be read: No such file"):
        load(file=tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is not UTF-8 text"):
        load(file=tmp_path / "binary.yaml")


def test_an_empty_file_is_all_defaults(tmp_path: Path):
    assert load(file=write(tmp_path, "# nothing yet\n")).settings == load().settings


def test_sonde_config_names_the_file(tmp_path: Path):
    file = write(tmp_path, "drop_in: true\n")
    assert load(environment={"SONDE_CONFIG": str(file)}).settings.drop_in


def test_an_empty_variable_is_as_good_as_none():
    assert load(environment={"SONDE_API_KEY": "", "SONDE_LISTEN": ""}).settings == load().settings


def test_a_variable_that_is_nearly_ours_is_a_mistake_and_one_of_somebody_else_is_not():
    """Kubernetes sets SONDE_PORT and more beside every pod, when a service is called sonde."""
    others = {
        "SONDE_PORT": "tcp://10.0.0.1:3000",
        "SONDE_SERVICE_HOST": "10.0.0.1",
        "SONDE_SERVICE_PORT": "3000",
        "SONDE_PORT_3000_TCP_ADDR": "10.0.0.1",
        "SONDE_URL": "http://127.0.0.1:3000",
    }
    assert load(environment=others).settings == load().settings
    with pytest.raises(
        UserError, match="SONDE_RETENTION_TRACE: there is no such variable; did you mean SONDE_RETENTION_TRACES"
    ):
        load(environment={"SONDE_RETENTION_TRACE": "3d"})


def test_what_is_written_is_read_again(tmp_path: Path):
    configuration = load(
        flags={
            "retention.traces": "36h",
            "engine.memory": "1500MB",
            "allowed_hosts": "a.example, b.example",
            "data": "/a #b",
        }
    )
    assert load(file=write(tmp_path, configuration.write())).settings == configuration.settings


def test_prices_of_your_own_may_be_written_as_blocks(tmp_path: Path):
    file = write(tmp_path, "llm:\n  prices:\n  - model: own-*\n    usd_per_million:\n      input: 2\n")
    assert load(file=file).settings.llm.prices == (OWN_PRICE,)
    assert load(file=write(tmp_path, load(file=file).write())).settings.llm.prices == (OWN_PRICE,)


def test_secrets_are_never_written():
    configuration = load(environment={"SONDE_API_KEY": "very-secret", "SONDE_STORE_PASSWORD": "also-secret"})
    shown = configuration.write() + repr(configuration) + str(configuration.settings)
    assert "secret" not in shown.replace("SecretStr", "")
    assert "# api_key: '********'" in configuration.write()


def test_every_key_has_a_description():
    assert [key.path for key in KEYS.values() if not key.description] == []


@given(st.integers(min_value=0, max_value=1 << 60))
def test_a_size_is_written_as_it_is_read(size_bytes: int):
    assert parse_size(format_size(size_bytes)) == size_bytes


@given(st.timedeltas(min_value=timedelta(0)))
def test_a_duration_is_written_as_it_is_read(duration: timedelta):
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("listen", ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:3000", "sonde.example:3000"])
def test_without_a_key_no_door_is_open_to_other_machines(listen: str):
    settings = load(flags={"listen": listen}).settings
    with pytest.raises(UserError, match="sonde keys create"):
        refuse_open_door(settings, has_keys=False)
    refuse_open_door(settings, has_keys=True)
    refuse_open_door(load(flags={"listen": listen, "api_key": "k"}).settings, has_keys=False)


@pytest.mark.parametrize("listen", ["127.0.0.1:3000", "127.9.9.9:3000", "[::1]:3000", "localhost:3000"])
def test_on_loopback_no_key_is_needed(listen: str):
    refuse_open_door(load(flags={"listen": listen}).settings, has_keys=False)


def test_every_group_of_tables_has_a_retention_and_a_bound():
    groups = set(TABLES)
    assert set(Retention.model_fields) == groups | {"max_bytes", "metrics_rollups"}
    assert set(MaxBytes.model_fields) == groups
