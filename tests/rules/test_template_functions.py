"""Templates of alerts give what Prometheus gives."""

from pathlib import Path

import pytest
from tests.telemetry.template.golden_file import Case, read

from sonde.errors import UserError
from sonde.rules.template_functions import AlertData, Sample, check, expand, expand_or_explain
from sonde.telemetry.template import StringMap, TemplateError

DATA = AlertData(
    StringMap({"job": "api", "instance": "web:9100"}), 12.5, StringMap({"cluster": "eu"}), "http://prom.example:9090/p"
)
NOW = 1_700_000_000.0


async def answer(text: str, at: float) -> tuple[Sample, ...]:
    assert at == NOW
    if text == "bad":
        raise UserError("query failed")
    if text == "none":
        return ()
    return (
        Sample.of((("__name__", "up"), ("__value__", "x"), ("instance", "b:9100")), 1.0),
        Sample.of((("__name__", "up"), ("instance", "a:9100")), 0.5),
    )


@pytest.mark.parametrize("case", read(Path(__file__).parent / "golden" / "templates.golden"), ids=str)
async def test_a_template_gives_what_prometheus_gives(case):
    try:
        result = Case(case.title, case.template, await expand(case.template, DATA, alert="T", at=NOW, query=answer), "")
    except UserError as error:
        result = Case(case.title, case.template, "", error.message)
    assert result == case


async def test_a_query_is_asked_once_for_each_expansion():
    asked = []

    async def count(text: str, at: float) -> tuple[Sample, ...]:
        asked.append(text)
        return await answer(text, at)

    template = '{{ query "a" | len }}{{ query "b" | len }}{{ query "a" | len }}'
    assert await expand(template, DATA, alert="T", at=NOW, query=count) == "222"
    assert asked == ["a", "b"]


async def test_a_template_cannot_ask_without_end():
    template = '{{ range $i := 1000 }}{{ query (printf "up + %d" $i) | len }}{{ end }}'
    with pytest.raises(TemplateError, match="more than 100 queries"):
        await expand(template, DATA, alert="T", at=NOW, query=answer)


async def test_what_is_wrong_becomes_the_text_where_people_must_be_told_anyway():
    text, error = await expand_or_explain("{{ $labels.job.x }}", DATA, alert="T", at=NOW, query=answer)
    assert text.startswith("<error expanding template: error executing template __alert_T: template: __alert_T:1:")
    assert error is not None


def test_a_template_is_checked_without_an_alert():
    check("{{ $labels.job }} {{ $value }} {{ $externalLabels }} {{ $externalURL }}", alert="Down")
    with pytest.raises(TemplateError) as caught:
        check("{{ $lables.job }}", alert="Down")
    assert caught.value.message == 'template: __alert_Down:1: undefined variable "$lables"'
    assert caught.value.position == (1, 4)
