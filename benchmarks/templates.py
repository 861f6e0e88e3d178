"""How many annotations of alerts a second are rendered, beside what Python's own str.format makes of the same text.

python benchmarks/templates.py
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from sonde.notify.alert import Alert
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.template_data import data_of
from sonde.rules.template_functions import AlertData, expand
from sonde.telemetry.template import StringMap, parse
from sonde.telemetry.template.instant import Time

ANNOTATION = (
    "{{ $labels.instance }} of job {{ $labels.job }} has been down for more than {{ $value | humanizeDuration }}."
    "{{ if gt $value 3600.0 }} That is long.{{ end }}"
)
LABELS = {"instance": "web-1:9100", "job": "api", "severity": "critical"}


def rate(work: Callable[[], object], seconds: float = 1.0) -> float:
    """Calls a second, the best of three."""
    best = 0.0
    for _ in range(3):
        calls, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds / 3:
            for _ in range(10):
                work()
            calls += 10
        best = max(best, calls / (time.perf_counter() - start))
    return best


async def expansions(count: int) -> float:
    data = AlertData(StringMap(LABELS), 5400.0)
    start = time.perf_counter()
    for _ in range(count):
        await expand(ANNOTATION, data, alert="Down", at=0.0, query=None)  # type: ignore[arg-type] # it asks nothing
    return count / (time.perf_counter() - start)


def main() -> None:
    source = "{{ .instance }} {{ .job }}: {{ .severity }}"
    line = parse(source, name="line")
    python = "{instance} {job}: {severity}"
    labels = StringMap(LABELS)
    templates = MessageTemplates()
    alerts = [
        Alert((("alertname", "Down"), ("instance", f"web-{place}"), ("job", "api")), starts_at=1) for place in range(20)
    ]
    data = data_of(alerts, receiver="team", group_labels=(("alertname", "Down"),), external_url="http://sonde", now=2)
    now = Time.of_nanoseconds(2)
    title, mail = '{{ template "slack.default.title" . }}', '{{ template "email.default.html" . }}'
    print(f"annotation, expanded            {asyncio.run(expansions(20_000)):10,.0f}/s")
    print(f"three labels, parsed            {rate(lambda: parse(source, name='line')):10,.0f}/s")
    print(f"three labels, line_format       {rate(lambda: line.render(labels)):10,.0f}/s")
    print(f"three labels, str.format        {rate(lambda: python.format(**LABELS)):10,.0f}/s")
    print(f"Slack title of 20 alerts        {rate(lambda: templates.text(title, data, now=now)):10,.0f}/s")
    print(f"e-mail about 20 alerts          {rate(lambda: templates.html(mail, data, now=now)):10,.0f}/s")


if __name__ == "__main__":
    main()
