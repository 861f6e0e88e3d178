"""Prometheus' configuration of scraping: what is taken, what is refused and where, and that ``promtool`` thinks so too."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sonde.errors import UserError
from sonde.receivers.prometheus.exposition.formats import DEFAULT_PROTOCOLS, ScrapeProtocol
from sonde.receivers.prometheus.scrape_config import load_scrape_configs, parse_scrape_configs

JOB = "scrape_configs:\n- job_name: a\n  "

# A third column says since which release Prometheus knows it, where Debian 12's promtool (2.42) is too old.
GOOD = [
    ("", None),
    ("global:\n", None),
    ("scrape_configs:\n", None),
    (JOB + "honor_labels: true", None),
    (JOB + "honor_labels: yes", None),
    (JOB + "honor_timestamps: off", None),
    (JOB + "scrape_interval: 1m30s\n  scrape_timeout: 90s", None),
    (JOB + "scrape_interval: 0s", None),
    (JOB + "scrape_interval: 5s", None),
    (JOB + "params: {module: [http_2xx], 'q[]': [a, b]}", None),
    (JOB + "metrics_path: /probe\n  scheme: https", None),
    (JOB + "body_size_limit: 15MB\n  sample_limit: 5\n  target_limit: 5\n  label_limit: 5\n  label_name_length_limit: 5\n  label_value_length_limit: 5", None),
    (JOB + "static_configs: [{targets: ['a:1', '[::1]:2', c], labels: {x: 1, y: true, z: 2020-01-01}}]", None),
    (JOB + "static_configs:\n", None),
    (JOB + "static_configs: [{targets: , labels: }]", None),
    (JOB + "basic_auth: {username: me, password: pw}\n  follow_redirects: false\n  enable_http2: false", None),
    (JOB + "basic_auth: {username: me, password_file: pw}", None),
    (JOB + "authorization: {type: Key, credentials: x}", None),
    (JOB + "authorization: {credentials_file: x}", None),
    (JOB + "bearer_token: x", None),
    (JOB + "bearer_token_file: x", None),
    (JOB + "proxy_url: http://me:pw@proxy:3128", None),
    (JOB + "tls_config: {insecure_skip_verify: true, server_name: x, min_version: TLS13}", None),
    (JOB + "tls_config: {max_version: TLS12}", "2.43"),
    (JOB + "relabel_configs:\n  - source_labels: [__address__]\n    target_label: x\n    regex: '(.*):\\d+'\n    action: Replace", None),
    (JOB + "relabel_configs: [{action: labeldrop, regex: x}, {action: hashmod, modulus: 3, target_label: x, source_labels: [a]}]", None),
    (JOB + "relabel_configs: [{action: keepequal, source_labels: [a], target_label: b}]", None),
    (JOB + "relabel_configs: [{target_label: x, replacement: }]", None),
    (JOB + "relabel_configs: [{target_label: a-b}]", "3.0"),
    (JOB + "metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: 'go_.*'}]", None),
    (JOB + "relabel_configs: [{target_label: __address__, replacement: x}]\n  static_configs: [{targets: ['http://a/b']}]", None),
    (JOB + "file_sd_configs: [{files: ['t/*.json', u.yml, /abs/v.yaml], refresh_interval: 1m}]", None),
    (JOB + "http_sd_configs: [{url: 'https://h/t', basic_auth: {username: u}, refresh_interval: 30s}]", None),
    (JOB + "dns_sd_configs: [{names: [_x._tcp.y]}, {names: [a], type: a, port: 1}, {names: [a], type: AAAA, port: 1}]", None),
    (JOB + "dns_sd_configs: [{names: [a], type: MX, port: 1}]", None),
    (JOB + "dns_sd_configs: [{names: [a], type: NS, port: 1}]", "2.49"),
    (JOB + "docker_sd_configs: [{host: 'unix:///var/run/docker.sock', port: 9090, filters: [{name: label, values: [a=b]}]}]", None),
    (JOB + "docker_sd_configs: [{host: 'tcp://d:2375', host_networking_host: h, match_first_network: false}]", "2.50"),
    (JOB + "scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0]", "2.49"),
    (JOB + "fallback_scrape_protocol: PrometheusText0.0.4\n  scrape_native_histograms: true", "3.8"),
    (JOB + "metric_name_validation_scheme: legacy\n  metric_name_escaping_scheme: underscores", "3.4"),
    (JOB + "enable_compression: false\n  track_timestamps_staleness: true\n  keep_dropped_targets: 5", "2.49"),
    (JOB + "http_headers: {X-Scope: {values: [a], secrets: [b], files: [c]}}", "2.55"),
    (JOB + "native_histogram_bucket_limit: 0", "2.45"),
    ("global: {scrape_interval: 10s, scrape_timeout: 10s, evaluation_interval: 1m, external_labels: {dc: eu}}", None),
    ("scrape_config_files: ['none/*.yml']", "2.43"),
    ("scrape_configs:\n- &x\n  job_name: a\n  honor_labels: true\n- <<: *x\n  job_name: b", None),
]  # fmt: skip

BAD = [
    ("[]", "1:1: expected a mapping"),
    ("a", "1:1: 'a': expected a mapping"),
    ("global: 3", "1:1: global: '3': expected a mapping"),
    ("scrape_configs: [3]", "1:18: scrape_configs.0: '3': expected a mapping"),
    ("scrape_configs: [{}]", "1:18: scrape_configs.0.job_name is missing"),
    ("scrape_configs: [{job_name: ''}]", "1:19: scrape_configs.0.job_name: '': must not be empty"),
    ("scrape_configs: [\n  {job_name: a},\n  {job_name: a}]", "3:3: found multiple scrape configs with job name 'a'"),
    ("scrape_confgs: []", "1:1: unknown key scrape_confgs; did you mean scrape_configs?"),
    ("x: &x {honor_labels: true}\nscrape_configs:\n- <<: *x\n  job_name: a", "1:1: unknown key x"),
    (JOB + "job_name: b", "3:3: the key job_name stands here twice"),
    (JOB + "scrape_intervall: 5s", "3:3: unknown key scrape_configs.0.scrape_intervall; did you mean scrape_interval?"),
    (JOB + "scrape_interval: 5", '3:3: scrape_configs.0.scrape_interval: not a valid duration string: "5"'),
    (JOB + "scrape_interval: -1s", "3:3: scrape_configs.0.scrape_interval: not a valid duration"),
    (JOB + "scrape_timeout: 2m", "2:3: scrape timeout greater than scrape interval for scrape config with job name 'a'"),
    (JOB + "scrape_interval: 5s\n  scrape_timeout: 6s", "2:3: scrape_configs.0: scrape timeout greater than scrape interval"),
    ("global: {scrape_interval: 1s, scrape_timeout: 2s}", "1:1: global: global scrape timeout greater than scrape interval"),
    (JOB + "honor_labels: maybe", "3:3: scrape_configs.0.honor_labels: 'maybe': expected true or false"),
    (JOB + "sample_limit: -1", "3:3: scrape_configs.0.sample_limit: '-1': input should be greater than or equal to 0"),
    (JOB + "body_size_limit: 10XB", "3:3: scrape_configs.0.body_size_limit: '10XB' is not a size; write it like 15MB"),
    (JOB + "params: {a: {b: c}}", "3:12: scrape_configs.0.params.a: expected a list"),
    (JOB + "scheme: [http]", "3:3: scrape_configs.0.scheme: is not one of 'http' or 'https'"),
    (JOB + "static_configs: [{targets: ['a:1/x']}]", "2:3: scrape_configs.0: 'a:1/x' is not a valid hostname"),
    (JOB + "static_configs: [{targets: [a], labels: {'': x}}]", "3:44: scrape_configs.0.static_configs.0.labels."),
    (JOB + "static_configs: [{target: [a]}]", "3:21: unknown key scrape_configs.0.static_configs.0.target; did you mean targets?"),
    (JOB + "basic_auth: {password: a, password_file: b}", "3:29: scrape_configs.0.basic_auth: at most one of password, password_file can be set"),
    (JOB + "bearer_token: hunter2\n  authorization: {credentials: hunter3}", "3:3: scrape_configs.0: at most one of basic_auth, authorization, bearer_token, bearer_token_file can be set; here are authorization and bearer_token"),
    (JOB + "authorization: {type: basic, credentials: hunter2}", "3:3: scrape_configs.0.authorization: authorization type cannot be set to 'basic'"),
    (JOB + "tls_config: {min_version: TLS9}", "3:16: scrape_configs.0.tls_config.min_version: 'TLS9': is not one of 'TLS10', 'TLS11', 'TLS12' or 'TLS13'"),
    (JOB + "relabel_configs:\n  -", "4:4: scrape_configs.0.relabel_configs.0: empty or null relabeling rule"),
    (JOB + "relabel_configs:\n  - action: keep\n  - regex: '('", "5:5: invalid regular expression '('"),
    (JOB + "relabel_configs:\n  - action: uppercase", "4:5: relabel configuration for uppercase action requires 'target_label' value"),
    (JOB + "metric_relabel_configs:\n  - action: hashmod\n    target_label: x", "4:5: relabel configuration for hashmod requires non-zero modulus"),
    (JOB + "relabel_configs: [{action: labeldrop, target_label: x}]", "3:21: labeldrop action requires only 'regex', and no other fields"),
    (JOB + "relabel_configs: [{action: swap}]", "3:22: scrape_configs.0.relabel_configs.0.action: 'swap': is not one of"),
    (JOB + "file_sd_configs: [{files: [a.txt]}]", "3:22: scrape_configs.0.file_sd_configs.0.files: path name 'a.txt' is not valid for file discovery"),
    (JOB + "file_sd_configs: [{files: []}]", "3:22: scrape_configs.0.file_sd_configs.0.files: file service discovery config must contain at least one path name"),
    (JOB + "file_sd_configs: [{files: ['*/a.yml']}]", "3:22: scrape_configs.0.file_sd_configs.0.files: path name '*/a.yml' is not valid"),
    (JOB + "http_sd_configs: [{url: 'ftp://a'}]", "3:22: scrape_configs.0.http_sd_configs.0.url: the url must begin with http:// or https://"),
    (JOB + "http_sd_configs: [{}]", "3:21: scrape_configs.0.http_sd_configs.0.url is missing"),
    (JOB + "dns_sd_configs: [{names: [a], type: A}]", "3:20: scrape_configs.0.dns_sd_configs.0: a port is required in DNS-SD configs for records of type A"),
    (JOB + "dns_sd_configs: [{names: []}]", "3:20: scrape_configs.0.dns_sd_configs.0: DNS-SD config must contain at least one SRV record name"),
    (JOB + "dns_sd_configs: [{names: [a], type: TXT}]", "3:33: scrape_configs.0.dns_sd_configs.0.type: 'TXT': is not one of"),
    (JOB + "docker_sd_configs: [{}]", "3:23: scrape_configs.0.docker_sd_configs.0.host is missing"),
    (JOB + "scrape_protocols: [PrometheusProto, PrometheusProto]", "3:3: scrape_configs.0.scrape_protocols: duplicated protocol in scrape_protocols"),
    (JOB + "scrape_protocols: [X]", "3:22: scrape_configs.0.scrape_protocols.0: 'X': is not one of"),
    (JOB + "http_headers: {Authorization: {values: [a]}}", "3:3: scrape_configs.0.http_headers: setting header 'Authorization' is not allowed"),
    (JOB + "\tx: y", "3:3: not YAML: found a tab character"),
    ("a: [", "2:1: not YAML: did not find expected node content"),
]  # fmt: skip

REFUSED_HERE = [
    (JOB + "sample_limit: 1.5", "3:3: scrape_configs.0.sample_limit: '1.5': expected a whole number"),
    (JOB + "kubernetes_sd_configs: [{role: pod}]", "3:3: scrape_configs.0: kubernetes_sd_configs is not supported; targets come from static_configs"),
    (JOB + "oauth2: {client_id: a, client_secret: hunter2, token_url: b}", "3:3: scrape_configs.0: OAuth 2.0 is not supported"),
    (JOB + "proxy_from_environment: true", "3:3: scrape_configs.0: proxies from the environment are not supported; set proxy_url"),
    (JOB + "proxy_url: http://p\n  no_proxy: a", "4:3: scrape_configs.0: no_proxy is not supported"),
    (JOB + "proxy_url: http://p\n  proxy_connect_header: {a: [b]}", "4:3: scrape_configs.0: proxy_connect_header is not supported"),
    (JOB + "proxy_url: socks5://p", "3:3: scrape_configs.0.proxy_url: a proxy_url begins with http:// or https://"),
    (JOB + "native_histogram_bucket_limit: 100", "3:3: scrape_configs.0: native_histogram_bucket_limit is not supported"),
    (JOB + "convert_classic_histograms_to_nhcb: true", "3:3: scrape_configs.0: convert_classic_histograms_to_nhcb is not supported"),
    (JOB + "tls_config: {cert_file: a, key: hunter2}", "3:3: scrape_configs.0.tls_config: "),
    (JOB + "tls_config: {cert_file: a}", "3:3: scrape_configs.0.tls_config: cert_file and key_file belong together"),
    (JOB + "http_headers: {'a b': {values: [a]}}", "3:3: scrape_configs.0.http_headers: 'a b' cannot be the name of a header"),
    (JOB + "http_sd_configs: [{url: 'http://a', refresh_interval: 0s}]", "3:39: scrape_configs.0.http_sd_configs.0.refresh_interval: '0s': must be more than 0"),
    ("alerting: {}\nremote_write: [a]", "2:1: remote_write is not supported here; take the section out"),
    ("remote_write: [{url: 'http://a'}]", "1:1: remote_write is not supported here; take the section out"),
]  # fmt: skip
"""Valid in Prometheus, and said aloud that it is not done here, or could not work."""


@pytest.mark.parametrize("text", [text for text, _ in GOOD])
def test_what_prometheus_takes_is_taken(text):
    parse_scrape_configs(text)


@pytest.mark.parametrize(("text", "message"), BAD + REFUSED_HERE)
def test_what_is_wrong_is_said_with_its_line_and_column(text, message):
    with pytest.raises(UserError) as caught:
        parse_scrape_configs(text, source="p.yml")
    (line, column), said = caught.value.position or (0, 0), str(caught.value)
    assert f"p.yml:{message}" in said or f"{line}:{column}: {said.partition('p.yml: ')[2]}".startswith(message)
    assert "hunter" not in str(caught.value)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool: apt-get install prometheus")
def test_promtool_gives_the_same_verdicts(tmp_path):
    (tmp_path / "u.yml").write_text("[]")
    cases = [(text, True) for text, since in GOOD if since is None] + [(text, False) for text, _ in BAD]
    files = [tmp_path / f"{number:03}.yml" for number in range(len(cases))]
    for file, (text, _) in zip(files, cases, strict=True):
        file.write_text(text)
    checked = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", *map(str, files)], capture_output=True, text=True, check=False
    )
    failed = {line.split()[-1] for line in checked.stderr.splitlines() if "FAILED" in line}
    blocks = (checked.stdout + checked.stderr).split("Checking ")[1:]
    assert len(blocks) == len(cases), failed
    verdicts = {block.split()[0]: "SUCCESS" in block for block in checked.stdout.split("Checking ")[1:]}
    assert [text for file, (text, good) in zip(files, cases, strict=True) if verdicts[str(file)] is not good] == []


def test_all_problems_are_said_at_once():
    text = "global: {scrape_timeout: x}\nscrape_configs:\n- {job_name: a, sample_limit: y}\n- {scheme: z}"
    with pytest.raises(UserError) as caught:
        parse_scrape_configs(text, source="p.yml")
    places = [line.strip().split(": ")[0] for line in caught.value.message.splitlines()[1:]]
    assert sorted(places) == ["p.yml:1:10", "p.yml:3:17", "p.yml:4:3", "p.yml:4:4"]
    assert caught.value.position == (1, 10)


SECRETS = """\
scrape_configs:
- job_name: a
  basic_auth: {username: me, password: hunter2}
  proxy_url: http://me:hunter2@proxy
  http_headers: {X-Key: {values: [shown], secrets: [hunter2]}}
  http_sd_configs:
  - {url: 'http://me:hunter2@h/t', bearer_token: hunter2}
  - {url: 'http://h/t', authorization: {credentials: hunter2}}
  static_configs: [{targets: [b], labels: {key: shown too, password: a name like any}}]
  params: {secrets: [shown as well]}
"""


def test_secrets_are_not_in_the_text_that_is_shown_nor_in_what_is_printed():
    configs = parse_scrape_configs(SECRETS)
    assert "hunter2" not in configs.text
    assert configs.text.count("<secret>") == 4
    for shown in ("username: me", "http://me:xxxxx@proxy", "shown", "shown too", "shown as well", "a name like any"):
        assert shown in configs.text
    assert configs.jobs[0].basic_auth.password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(configs.jobs[0].basic_auth)


def test_a_job_takes_from_global_what_it_does_not_say_itself():
    configs = parse_scrape_configs(
        "global: {scrape_interval: 30s, scrape_timeout: 20s, sample_limit: 7, scrape_protocols: [PrometheusText0.0.4],"
        " external_labels: {region: '${REGION}', raw: $$1}}\n"
        "scrape_configs:\n"
        "- {job_name: inherits}\n"
        "- {job_name: quick, scrape_interval: 10s, sample_limit: 8, scrape_protocols: [OpenMetricsText0.0.1]}\n",
        environment={"REGION": "eu"},
    )
    inherits, quick = configs.jobs
    assert (inherits.scrape_interval, inherits.scrape_timeout, inherits.sample_limit) == (30_000, 20_000, 7)
    assert (quick.scrape_interval, quick.scrape_timeout, quick.sample_limit) == (10_000, 10_000, 8)
    assert inherits.scrape_protocols == (ScrapeProtocol.TEXT_0_0_4,)
    assert quick.scrape_protocols == (ScrapeProtocol.OPENMETRICS_0_0_1,)
    assert configs.external_labels == {"region": "eu", "raw": "$1"}


def test_without_a_word_the_defaults_are_prometheus():
    (job,) = parse_scrape_configs(JOB).jobs
    assert (job.scrape_interval, job.scrape_timeout, job.metrics_path, job.scheme) == (
        60_000,
        10_000,
        "/metrics",
        "http",
    )
    assert (job.honor_labels, job.honor_timestamps, job.follow_redirects, job.enable_compression) == (
        False,
        True,
        True,
        True,
    )
    assert job.scrape_protocols == DEFAULT_PROTOCOLS
    (native,) = parse_scrape_configs(JOB + "scrape_native_histograms: true").jobs
    assert native.scrape_protocols == (ScrapeProtocol.PROTOBUF, *DEFAULT_PROTOCOLS)


def test_legacy_names_hold_for_the_rules_of_the_job():
    with pytest.raises(UserError, match="'a-b' is invalid 'target_label' for replace action"):
        parse_scrape_configs(JOB + "metric_name_validation_scheme: legacy\n  relabel_configs: [{target_label: a-b}]")
    text = "global: {metric_name_validation_scheme: legacy}\n" + JOB + "relabel_configs: [{target_label: '${1}'}]"
    (job,) = parse_scrape_configs(text).jobs
    assert [rule.legacy_names for rule in job.rules()] == [True]


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/b.yml").write_text("scrape_configs: [{job_name: b, bearer_token_file: token}]")
    (tmp_path / "jobs/c.yml").write_text(
        "scrape_configs: [{job_name: c, file_sd_configs: [{files: [/x/t.json, t.yml]}]}]"
    )
    return tmp_path


def test_files_are_seen_from_where_they_are_written(directory):
    main = directory / "prometheus.yml"
    main.write_text("scrape_config_files: ['jobs/*.yml']\nscrape_configs: [{job_name: a, bearer_token_file: token}]")
    a, b, c = load_scrape_configs(main).jobs
    assert (a.bearer_token_file, b.bearer_token_file) == (directory / "token", directory / "jobs/token")
    assert [str(file) for file in c.file_sd_configs[0].files] == ["/x/t.json", str(directory / "jobs/t.yml")]
    main.write_text(f"scrape_config_files: ['{directory}/jobs/b.yml']")
    assert [job.job_name for job in load_scrape_configs(main).jobs] == ["b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"scrape_configs: [{job_name: a}]", "bad.yml:1:18: found multiple scrape configs with job name 'a'"),
        (b"scrape_configs: [{job_name: x, y: z}]", "bad.yml:1:32: unknown key scrape_configs.0.y"),
        (b"global: {}", "bad.yml:1:1: global cannot stand in a file of scrape_config_files"),
        (b"\xff", "bad.yml cannot be read: it is not UTF-8"),
        (b"{", "bad.yml: not YAML"),
    ],
)
def test_what_is_wrong_in_a_further_file_is_said_with_its_name(directory, text, message):
    (directory / "jobs/bad.yml").write_bytes(text)
    main = directory / "prometheus.yml"
    main.write_text("scrape_config_files: ['jobs/b*.yml']\nscrape_configs: [{job_name: a}]")
    with pytest.raises(UserError) as caught:
        load_scrape_configs(main)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x,x,x,x,x,x,x,x]\n" + "".join(f"{n}: &{n} [{','.join([f'*{p}'] * 8)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)), "more than 500000 values"),
        ("&a [*a]", "not YAML"),
        ("[" * 100_000, "not YAML"),
    ],
)  # fmt: skip
def test_a_document_that_would_grow_without_end_is_refused(text, message):
    with pytest.raises(UserError, match=message):
        parse_scrape_configs(text)


def test_the_examples_of_the_documentation_are_taken():
    page = (Path(__file__).parents[3] / "docs/scraping.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert [[job.job_name for job in parse_scrape_configs(example).jobs] for example in examples] == [
        ["sonde", "services"],
        ["docker"],
    ]
