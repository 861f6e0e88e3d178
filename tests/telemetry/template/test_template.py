"""Templates give what Go's text/template gives, to the letter, and fail as it fails."""

import contextlib
from pathlib import Path

import pytest
from tests.telemetry.template.golden_file import Case, read

from sonde.errors import Unsupported, UserError
from sonde.telemetry.template import Limits, StringMap, TemplateError, TemplateSet, parse

GOLDEN = Path(__file__).parent / "golden"
DATA = {
    "name": "Ada",
    "n": 42.0,
    "f": 3.5,
    "big": 1234567890.0,
    "yes": True,
    "no": False,
    "nil": None,
    "empty": "",
    "list": ["a", "b", "c"],
    "labels": {"job": "api", "instance": "h:1"},
    "nested": {"a": {"b": "deep"}},
    "objects": [{"name": "x"}, {"name": "y"}],
    "emptylist": [],
    "emptymap": {},
    "x": "<O'Reilly \"&+ =`b/c>",
    "url": "https://h:1/a b?x=1&y=é",
    "js": "javascript:alert(1)",
    "mail": "mailto:a@b",
    "rel": "a/b:c",
    "path": "x/y z",
}


def result_of(case: Case, **options) -> Case:
    try:
        return Case(case.title, case.template, parse(case.template, name="t", **options).render(DATA), "")
    except UserError as error:
        return Case(case.title, case.template, "", error.message)


@pytest.mark.parametrize("case", read(GOLDEN / "text.golden"), ids=str)
def test_a_template_gives_what_go_gives(case):
    assert result_of(case) == case


@pytest.mark.parametrize("missing_key", ["zero", "error"])
def test_a_key_that_is_not_there_is_what_the_option_says(missing_key):
    for case in read(GOLDEN / f"missing_key_{missing_key}.golden"):
        assert result_of(case, missing_key=missing_key) == case


@pytest.mark.parametrize("case", read(GOLDEN / "html.golden"), ids=str)
def test_html_is_escaped_as_go_escapes_it(case):
    assert result_of(case, html=True) == case


def test_a_missing_label_is_empty():
    assert parse("[{{ .job }}]", name="t", missing_key="zero").render(StringMap()) == "[]"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<input {{ .x }}>", "a tag or an attribute's name"),
        ('<p style="color: {{ .x }}">', "a style"),
        ("<style>p { color: {{ .x }} }</style>", "a style"),
        ('<img srcset="{{ .x }}">', "a srcset"),
        ('<iframe srcdoc="{{ .x }}">', "a srcdoc"),
        ("<script>var a = `{{ .x }}`</script>", "a template string"),
        ("<script>var a = /{{ .x }}/</script>", "a regular expression"),
        ('<meta http-equiv="refresh" content="{{ .x }}">', "a meta element"),
    ],
)
def test_html_refuses_a_value_where_it_cannot_be_made_safe(template, words):
    with pytest.raises(Unsupported, match=words):
        parse(template, name="t", html=True).render(DATA)


@pytest.mark.parametrize(
    "template",
    [
        '<a href="',
        "<b",
        '{{ if .yes }}<a href="{{ end }}',
        '{{ range .list }}<a href="{{ end }}',
        '<a href="{{ if .yes }}"{{ end }}>',
        "<a {{ if .yes }}title={{ .x }}{{ end }}>{{ .x }}",
    ],
)
def test_html_that_ends_in_different_places_is_an_error(template):
    with pytest.raises(TemplateError, match="html/template:t"):
        parse(template, name="t", html=True).render(DATA)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ('{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}', "maximum template depth"),
        ("{{ range 10000 }}{{ range 10000 }}{{ end }}{{ end }}", "steps"),
        ("{{ range 1000000000 }}{{ end }}", "steps"),
        ('{{ range 100000 }}{{ "0123456789012345678901234567890" }}{{ end }}', "output is longer"),
        ('{{ $x := "0123456789" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}', "string is longer"),
        ('{{ $x := "0123456789" }}{{ range 100 }}{{ $x = printf "%s%[1]s" $x }}{{ end }}', "string is longer"),
        ('{{ printf "%999999d%999999d" 1 1 }}', "string is longer"),
        ('{{ printf "%99999999999d" 1 }}', "string is longer"),
        ("{{ if 1 }}" * 100 + "{{ end }}" * 100, "nested too deeply"),
        ("{{ " + "(" * 1000 + "1" + ")" * 1000 + " }}", "max expression depth"),
        ("{{ if 1 }}{{ else if 1 }}" + "{{ else if 1 }}" * 200 + "{{ end }}", "nested too deeply"),
    ],
)
def test_a_template_cannot_do_without_end(template, words):
    with pytest.raises(TemplateError, match=words):
        parse(template, name="main").render({})


def test_limits_are_those_that_were_asked_for():
    with pytest.raises(TemplateError, match="longer than 3 characters"):
        parse("{{ .name }}!", name="t", limits=Limits(characters=3)).render(DATA)


def test_a_deep_template_is_executed_or_refused_but_never_crashes():
    nested = "{{ if 1 }}" * 50 + '{{ template "t" }}' + "{{ end }}" * 50
    with pytest.raises(TemplateError, match="maximum template depth"):
        parse('{{ define "t" }}' + nested + '{{ end }}{{ template "t" }}', name="main").render({})


def test_html_with_many_loops_in_each_other_is_escaped_in_time():
    for inside in ("{{ . }}", '<a href="{{ . }}">', '<a href="', "{{ . }}/"):
        for before in ("", '<a href="'):
            nested = before + "{{ range . }}" * 55 + inside + "{{ end }}" * 55 + ('">' if before else "")
            with contextlib.suppress(UserError):
                parse(nested, name="t", html=True).render([])


def test_a_set_keeps_the_last_definition_that_is_not_empty():
    templates = TemplateSet()
    templates.parse('{{ define "a" }}one{{ end }}', name="x")
    templates.parse('{{ define "a" }}two{{ end }}', name="y")
    templates.parse('{{ define "a" }} {{ end }}', name="z")
    assert templates.render("a", None) == "two"


def test_a_clone_does_not_change_its_original():
    original = TemplateSet()
    original.parse('{{ define "a" }}one{{ end }}{{ template "a" }}', name="x")
    clone = original.clone()
    clone.parse('{{ define "a" }}two{{ end }}', name="y")
    assert (original.render("x", None), clone.render("x", None)) == ("one", "two")


def test_a_template_reaches_no_attribute_that_its_object_does_not_list():
    class Secretive:
        password = "hunter2"

    for template in ("{{ .password }}", "{{ .__class__ }}", "{{ .x.__class__ }}"):
        with pytest.raises(TemplateError, match="can't evaluate field"):
            parse(template, name="t").render(Secretive() if "x" not in template else {"x": "text"})
    assert parse("{{ . }}", name="t").render(Secretive()) == "{}"


def test_an_error_has_its_place_for_an_editor():
    with pytest.raises(TemplateError) as caught:
        parse("one\ntwo {{ .name.x }}", name="t").render(DATA)
    assert (caught.value.code, caught.value.position) == ("template.execute", (2, 13))
    with pytest.raises(TemplateError) as caught:
        parse("one\ntwo {{ nothing }}", name="t")
    assert (caught.value.code, caught.value.position) == ("template.parse", (2, 8))


def test_functions_of_the_data_can_be_called():
    assert parse('{{ call .f "a" 2 }}', name="t").render({"f": lambda text, count: text * count}) == "aa"
    with pytest.raises(TemplateError, match=r"wrong number of args for \.f: got 1 want 2"):
        parse('{{ call .f "a" }}', name="t").render({"f": lambda text, count: text * count})


def test_a_function_is_typed_by_its_annotations():
    def repeated(text: str, count: int) -> str:
        return text * count

    templates = TemplateSet({"repeated": repeated})
    assert templates.parse('{{ 2 | repeated "a" }}', name="t").render({}) == "aa"
    with pytest.raises(TemplateError, match="wrong type for value; expected int; got float64"):
        templates.parse('{{ repeated "a" .n }}', name="t").render(DATA)
