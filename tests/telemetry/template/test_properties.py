"""Whatever a template's text or data are, the answer is a text or a TemplateError."""

import contextlib
import html.parser

from hypothesis import given
from hypothesis import strategies as st

from sonde.errors import UserError
from sonde.telemetry.template import TemplateError, parse
from sonde.telemetry.template.parser import parse_trees
from sonde.telemetry.template.printer import text_of

PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        ".",
        ".a",
        "$",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        '"s"',
        "`r`",
        "1",
        "1.5",
        "'c'",
        "nil",
        "true",
        "if",
        "else",
        "end",
        "range",
        "with",
        "define",
        "template",
        "block",
        "break",
        "continue",
        "print",
        "printf",
        "index",
        "len",
        "eq",
        "and",
        "text",
        "\n",
        "/*",
        "*/",
        "é",
        ",",
        "%d",
        "{{ end }}",
        "{{ if . }}",
        "{{ range . }}",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=5,
)


@given(st.lists(PIECES, max_size=25).map("".join), VALUES)
def test_any_text_is_a_template_or_an_error(text, data):
    for html_mode in (False, True):
        with contextlib.suppress(UserError):
            parse(text, name="t", html=html_mode).render(data)


@given(st.text(alphabet="%+-# 0.*[]1234567890vdsqxXeEfgGtTcUbo!", max_size=12), st.lists(VALUES, max_size=3))
def test_printf_takes_any_format(template, values):
    arguments = " ".join(f"(index .values {place})" for place in range(len(values)))
    with contextlib.suppress(TemplateError):
        parse(f"{{{{ printf .format {arguments} }}}}", name="t").render({"format": template, "values": values})


@given(st.lists(PIECES, max_size=15).map("".join))
def test_what_is_printed_is_read_again(text):
    try:
        tree = parse_trees(text, name="t", functions={"print", "printf", "index", "len", "eq", "and"})["t"]
    except TemplateError:
        return
    if "{" in "".join(text_of(node) for node in tree.body.nodes if type(node).__name__ == "Text"):
        return  # a brace that trimming has brought together with another
    printed = text_of(tree.body)
    assert (
        text_of(parse_trees(printed, name="t", functions={"print", "printf", "index", "len", "eq", "and"})["t"].body)
        == printed
    )


class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen: list[object] = []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.seen.append(data)


@given(st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1))
def test_no_value_is_more_than_text_to_a_browser(value):
    page = parse("<p title=\"{{ . }}\" id='{{ . }}' class={{ . }}>{{ . }}</p>", name="t", html=True).render(value)
    reader = Reader()
    reader.feed(page)
    reader.close()
    tag, *texts = reader.seen
    assert tag == ("p", {"title": value, "id": value, "class": value})
    assert "".join(texts) == value


@given(st.text())
def test_no_value_makes_a_link_run_code(value):
    page = parse('<a href="{{ . }}">', name="t", html=True).render(value)
    reader = Reader()
    reader.feed(page)
    link = reader.seen[0][1]["href"]
    scheme = link.partition(":")[0].lower() if ":" in link else "https"
    assert "/" in scheme or scheme in {"http", "https", "mailto"}
