"""Templates of notifications give what Alertmanager gives; the default ones say what people need."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.telemetry.template.golden_file import Case, read

from sonde.errors import UserError
from sonde.notify.alert import Alert
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.template_data import data_of
from sonde.telemetry.labels import labels_of
from sonde.telemetry.template import TemplateError
from sonde.telemetry.template.instant import Time


def nanoseconds(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp()) * 10**9


NOW = nanoseconds(2026, 11, 21)
ALERTS = [
    Alert(
        labels_of({"alertname": "Down", "job": "api", "instance": "a:1", "severity": "critical"}),
        labels_of({"summary": "it <is> down", "team": "x"}),
        starts_at=nanoseconds(2026, 3, 1, 12, 30, 5) + 123_000_000,
        generator_url="http://p/graph?g0.expr=up",
    ),
    Alert(
        labels_of({"alertname": "Down", "job": "api", "instance": "b:1", "severity": "critical"}),
        labels_of({"summary": "b"}),
        starts_at=nanoseconds(2026, 1, 5, 1, 2, 3),
        ends_at=nanoseconds(2026, 1, 5, 2, 32, 4) + 500_000_000,
    ),
]
DATA = data_of(
    ALERTS,
    receiver="team.a",
    group_labels=(("alertname", "Down"),),
    external_url="http://am.example:9093",
    now=NOW,
)
TEMPLATES = MessageTemplates()


def text_of(template: str) -> str:
    return TEMPLATES.text(template, DATA, now=Time.of_nanoseconds(NOW))


@pytest.mark.parametrize("case", read(Path(__file__).parent / "golden" / "templates.golden"), ids=str)
def test_a_template_gives_what_alertmanager_gives(case):
    try:
        result = Case(case.title, case.template, text_of(case.template), "")
    except UserError as error:
        result = Case(case.title, case.template, "", error.message)
    assert result == case


def test_every_default_template_can_be_rendered():
    for name in TEMPLATES.names:
        argument = ".Alerts" if name.endswith(("alert_list", "alert_list_markdown", "instances")) else "."
        argument = "(index .Alerts 0)" if name in {"__alert_heading", "__email_alert"} else argument
        assert "<no value>" not in text_of(f'{{{{ template "{name}" {argument} }}}}')


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("__subject", "[FIRING:1] Down (api critical)"),
        ("slack.default.title", "[FIRING:1] Down (api critical)"),
        ("slack.default.titlelink", "http://am.example:9093/#/alerts?receiver=team%5C.a"),
        ("slack.default.color", "danger"),
        ("slack.default.username", "Sonde"),
        ("jira.default.priority", "High"),
        ("pagerduty.default.description", "[FIRING:1] Down (api critical)"),
        ("slack.default.text", ""),
    ],
)
def test_a_default_template_is_short_and_says_it(name, text):
    assert text_of(f'{{{{ template "{name}" . }}}}') == text


def test_the_long_texts_name_every_alert():
    text = text_of('{{ template "telegram.default.message" . }}')
    assert text == (
        "Firing:\n\nit <is> down\n  alertname: Down\n  instance: a:1\n  job: api\n  severity: critical\n"
        "  Since: 2026-03-01 12:30:05 UTC\n  Source: http://p/graph?g0.expr=up\n\n"
        "Resolved:\n\nb\n  alertname: Down\n  instance: b:1\n  job: api\n  severity: critical\n"
        "  Since: 2026-01-05 01:02:03 UTC\n\n"
    )


def test_an_email_is_html_in_which_values_are_text():
    page = TEMPLATES.html('{{ template "email.default.html" . }}', DATA, now=Time.of_nanoseconds(NOW))
    assert page.startswith("<!DOCTYPE html>")
    assert "it &lt;is&gt; down" in page
    assert "<is>" not in page
    assert '<a href="http://p/graph?g0.expr=up"' in page
    assert "1 firing" in page
    assert "1 resolved" in page


def test_peoples_own_files_replace_what_they_define():
    own = MessageTemplates([("own.tmpl", '{{ define "slack.default.title" }}{{ .Status }}!{{ end }}')])
    assert own.text('{{ template "slack.default.title" . }}', DATA, now=Time.of_nanoseconds(NOW)) == "firing!"
    assert text_of('{{ template "slack.default.title" . }}') != "firing!"


def test_an_error_in_a_file_names_the_file():
    with pytest.raises(TemplateError, match=r'template: own.tmpl:2: function "nope" not defined'):
        MessageTemplates([("/etc/alerts/own.tmpl", "\n{{ nope }}")])


def test_since_counts_from_the_time_of_rendering():
    assert text_of("{{ range .Alerts.Resolved }}{{ since .EndsAt | humanizeDuration }}{{ end }}") == "319d 21h 27m 55s"


def test_a_setting_without_a_template_is_itself():
    assert text_of("plain") == "plain"
