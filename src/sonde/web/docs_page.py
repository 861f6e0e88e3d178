"""The API's documentation at ``/docs``, written on the server from the OpenAPI document: no script, nothing from a
CDN.
"""

from __future__ import annotations

from html import escape
from typing import Any, Final

STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; text-transform: capitalize; }
details { border: 1px solid #8885; border-radius: 6px; margin: .5rem 0; padding: .5rem .8rem; }
summary { cursor: pointer; }
code, .method { font-family: ui-monospace, monospace; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600; }
table { border-collapse: collapse; margin: .5rem 0; }
td, th { text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top; }
"""


def docs_page(openapi: dict[str, Any]) -> str:
    """The page for an OpenAPI document."""
    sections: dict[str, list[str]] = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            sections.setdefault(tag, []).append(_operation(method, path, operation, openapi))
    body = "\n".join(f"<h2>{escape(tag)}</h2>\n" + "\n".join(items) for tag, items in sections.items())
    info = openapi["info"]
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(info["title"])} HTTP API</title><link rel="stylesheet" href="/docs/style.css">
<h1>{escape(info["title"])} HTTP API {escape(info["version"])}</h1>
<p>{escape(info.get("description", ""))}</p>
<p>The same for machines: <a href="/openapi.json">OpenAPI</a>.</p>
{body}</html>
"""


def _operation(method: str, path: str, operation: dict[str, Any], openapi: dict[str, Any]) -> str:
    described = escape(operation.get("description", operation.get("summary", "")))
    parts = [f"<p>{described}</p>"]
    if parameters := operation.get("parameters"):
        rows = "".join(
            f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
            f"<td>{escape(_type(p.get('schema', {}), openapi))}</td><td>{escape(p.get('description', ''))}</td></tr>"
            for p in parameters
        )
        parts.append(f"<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>{rows}</table>")
    content = operation.get("requestBody", {}).get("content", {})
    for media_type, body in content.items():
        parts.append(f"<p>Body, <code>{escape(media_type)}</code>: {_schema(body['schema'], openapi)}</p>")
    method_name = escape(method.upper())
    return (
        f'<details><summary><span class="method">{method_name}</span> <code>{escape(path)}</code></summary>'
        f"{''.join(parts)}</details>"
    )


def _schema(schema: dict[str, Any], openapi: dict[str, Any]) -> str:
    resolved = _resolved(schema, openapi)
    required = set(resolved.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{' *' if name in required else ''}</td>"
        f"<td>{escape(_type(field, openapi))}</td><td>{escape(field.get('description', ''))}</td></tr>"
        for name, field in resolved.get("properties", {}).items()
    )
    return f"{escape(resolved.get('description', ''))}<table>{rows}</table>" if rows else escape(_type(schema, openapi))


def _type(schema: dict[str, Any], openapi: dict[str, Any]) -> str:
    schema = _resolved(schema, openapi)
    if "anyOf" in schema:
        return " or ".join(_type(option, openapi) for option in schema["anyOf"] if option.get("type") != "null")
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    name = str(schema.get("type", "any"))
    if name == "array":
        name = f"list of {_type(schema.get('items', {}), openapi)}"
    default = schema.get("default")
    return name if default in (None, "", [], {}) else f"{name}, {default}"


def _resolved(schema: dict[str, Any], openapi: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = openapi["components"]["schemas"][reference.rpartition("/")[2]]
    return found
