"""Runbook pages: ours for everybody, people's own with a log-in; nothing in them runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from sonde.notify.context.runbooks import Runbooks
from sonde.web.runbooks import install, rendered

OWN = """# HighErrorRate

Call <b>Bob</b> & [the wiki](https://wiki.example.org/x). See [ServiceDown](ServiceDown.md) and [all](README.md).

```promql
sum(rate(api_errors_total{job="shop"}[5m]))
```

| Who | Where |
|---|---|
| Bob | desk |

![graph](https://elsewhere.example/x.png) [x](javascript:alert(1)) [y](data:text/html,x) <img src=x onerror=alert(1)>
"""


@pytest.fixture
def pages(app: FastAPI, tmp_path: Path) -> FastAPI:
    folder = tmp_path / "runbooks"
    folder.mkdir()
    (folder / "HighErrorRate.md").write_text(OWN)
    (folder / "OurOwn.md").write_text("# OurOwn\n\nOnly we have this.\n")
    own = FastAPI()
    install(own, Runbooks(folder))
    # before the UI's page of every path, as the wiring does it
    app.router.routes[:0] = [route for route in own.router.routes if "runbooks" in getattr(route, "path", "")]
    return app


async def test_our_runbooks_are_there_for_everybody(pages, http, new_key):
    new_key()
    answer = await http.get("/runbooks/ServiceDown")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>ServiceDown</h1>" in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    listing = (await http.get("/runbooks")).text
    assert '<a href="/runbooks/ServiceDown">ServiceDown</a>' in listing
    assert "OurOwn" not in listing
    assert (await http.get("/runbooks/-/style.css")).headers["content-type"].startswith("text/css")


async def test_own_runbooks_need_a_log_in_and_shadow_ours(pages, http, new_key):
    key = {"authorization": f"Bearer {new_key()}"}
    refused = await http.get("/runbooks/HighErrorRate")
    assert refused.status_code == 401
    assert "Bob" not in refused.text
    assert 'href="/"' in refused.text
    answer = await http.get("/runbooks/HighErrorRate", headers=key)
    assert answer.status_code == 200
    assert "Call &lt;b&gt;Bob&lt;/b&gt; &amp;" in answer.text
    listing = (await http.get("/runbooks", headers=key)).text
    assert "Only we have this." in listing
    assert listing.count(">HighErrorRate</a>") == 1


async def test_while_sonde_is_open_own_runbooks_are_too(pages, http):
    assert (await http.get("/runbooks/OurOwn")).status_code == 200


@pytest.mark.parametrize("name", ["Nothing", "README", "a b", "%00", "x" * 500])
async def test_what_is_no_runbook_is_not_found(pages, http, name):
    assert (await http.get(f"/runbooks/{name}")).status_code == 404


def test_markdown_becomes_links_queries_and_tables_and_no_script():
    page = rendered(OWN)
    assert '<a href="https://wiki.example.org/x" rel="noopener noreferrer">the wiki</a>' in page
    assert '<a href="/runbooks/ServiceDown">ServiceDown</a>' in page
    assert '<a href="/runbooks">all</a>' in page
    assert 'href="/metrics-explorer?expr=sum%28rate%28api_errors_total%7Bjob%3D%22shop%22%7D%5B5m%5D%29%29"' in page
    assert "<td>Bob</td>" in page
    assert 'href="javascript:' not in page
    assert 'href="data:' not in page
    assert "<img src=x" not in page


HOSTILE = st.lists(
    st.sampled_from(["<script>", "](", "javascript:x", "[", "`", "```\n", "onerror=", "<", ">", '"', "'", "&", "\n", "# ", "x", "data:", "![", ")"])
)  # fmt: skip
ALLOWED = {
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "a",
    "code",
    "pre",
    "em",
    "strong",
    "ul",
    "ol",
    "li",
    "blockquote",
    "hr",
    "br",
    "img",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}


@given(HOSTILE)
def test_no_markdown_makes_another_tag_or_attribute(pieces):
    page = rendered("".join(pieces))
    for tag, attributes in re.findall(r"<\s*/?([a-zA-Z0-9]+)((?:[^>\"']|\"[^\"]*\")*)>", page):
        assert tag in ALLOWED
        names = re.findall(r"([a-z-]+)=\"[^\"]*\"", attributes)
        assert set(names) <= {"href", "rel", "src", "alt", "title", "class", "start", "style"}
    assert not re.search(r"(href|src)=\"\s*(javascript|data|vbscript):", page, re.IGNORECASE)


def test_the_wheel_has_the_runbooks_where_they_are_looked_for():
    root = Path(__file__).parents[2]
    wheel = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["sources"]["docs/runbooks"] == "sonde/notify/context/shipped_runbooks"
    assert "docs/runbooks" in wheel["only-include"]
