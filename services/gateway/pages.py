"""Pages for people: self-contained, and free of scripts and of other hosts' addresses."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from services.gateway.problems import PROBLEMS

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of every page."""

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0;
         border-bottom: 1px solid #8884; }
details { border: 1px solid #8886; border-radius: 6px; padding: .5rem .75rem; margin: .5rem 0; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.5rem; }
"""


def problem(code: str) -> str:
    """What a problem's code means; every code, where it is not one of ours."""
    known = {code: PROBLEMS[code]} if code in PROBLEMS else PROBLEMS
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{status}</td><td>{escape(title)}</td></tr>"
        for name, (status, title) in known.items()
    )
    head = "<tr><th>code</th><th>status</th><th>meaning</th></tr>"
    return _page("Problems", f'<table>{head}{rows}</table><p><a href="/docs">Every call</a></p>')


def docs(document: dict[str, Any]) -> str:
    """Every call of an OpenAPI document."""
    info = document["info"]
    operations = "".join(_operations(document))
    intro = f"<p>{escape(info['description'])}</p>"
    link = '<p><a href="/openapi.json">openapi.json</a> · <a href="/problems/all">problems</a></p>'
    return _page(f"{info['title']} {info['version']}", intro + link + operations)


def _operations(document: dict[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield _operation(method.upper(), path, operation)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    title = f"<b>{method}</b> <code>{escape(path)}</code> — {escape(operation['summary'])}"
    parts = (
        f"<p>{escape(operation.get('description', ''))}</p>",
        _parameters(operation.get("parameters", [])),
        _request(operation.get("requestBody", {})),
        _responses(operation["responses"]),
    )
    return f"<details><summary>{title}</summary>{''.join(parts)}</details>"


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{each['in']}</td>"
        f"<td><code>{escape(_bounds(each['schema']))}</code></td></tr>"
        for each in parameters
    )
    head = "<tr><th>parameter</th><th>in</th><th>may be</th></tr>"
    return f"<table>{head}{rows}</table>" if rows else ""


def _bounds(schema: dict[str, Any]) -> str:
    shown = {name: value for name, value in schema.items() if name not in ("title", "description")}
    return json.dumps(shown, ensure_ascii=False)


def _request(body: dict[str, Any]) -> str:
    examples = body.get("content", {}).get("application/json", {}).get("examples", {})
    return "".join(
        f"<p>{escape(each.get('summary', 'Body'))}</p>{_json(each['value'])}"
        for each in examples.values()
    )


def _responses(responses: dict[str, Any]) -> str:
    return "".join(_response(status, each) for status, each in responses.items())


def _response(status: str, response: dict[str, Any]) -> str:
    content = response.get("content", {})
    example = content.get("application/json", {}).get("example")
    codes = [code for media in content.values() for code in media.get("examples", {})]
    shown = _json(example) if example is not None else ""
    listed = ", ".join(f'<a href="/problems/{code}"><code>{code}</code></a>' for code in codes)
    return f"<p><b>{status}</b> {listed or escape(response['description'])}</p>{shown}"


def _json(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
