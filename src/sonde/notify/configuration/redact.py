"""The configuration as it may be shown: what the models call a secret is hidden, wherever it stands in the file.

The result can be read again by ``read`` and by amtool, whose older versions want a URL in ``webhook_configs``.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import yaml
from pydantic import BaseModel, SecretStr

from sonde.notify.configuration.sections import Document
from sonde.notify.configuration.values import SECRET
from sonde.receivers.prometheus.yaml_tree import without_password

HIDDEN_URL: Final = "http://secret.invalid/"
_URL_KEYS: Final = frozenset({"proxy_url", "api_url"})
_WEBHOOK: Final = ("webhook_configs", "url")
_MERGE: Final = "<<"


def redacted(text: str) -> str:
    """A configuration that has been read, without its secrets.

    >>> print(redacted("global: {slack_api_url: https://hooks.example.org/T/1}"), end="")
    global: {slack_api_url: <secret>}
    """
    root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if root is None:
        return ""
    _hide_below(root, Document, ())
    return str(yaml.serialize(root, Dumper=yaml.SafeDumper, width=120, allow_unicode=True))


def _hide_below(node: yaml.Node, kind: Any, path: tuple[str, ...]) -> None:
    if kind is SecretStr:
        _hide(node, HIDDEN_URL if path[-2:] == _WEBHOOK else SECRET)
        return
    match node:
        case yaml.MappingNode(value=pairs):
            fields = _fields(kind) if isinstance(kind, type) and issubclass(kind, BaseModel) else None
            inner = _inner(kind) if fields is None else None
            for key, value in pairs:
                if key.value == _MERGE:
                    _hide_below(value, kind, path)
                elif fields is not None and key.value in fields:
                    _hide_below(value, fields[key.value], (*path, key.value))
                elif inner is not None:
                    _hide_below(value, inner, path)
        case yaml.SequenceNode(value=items):
            # A merge key may name a list of mappings of the same kind.
            inner = _inner(kind) or kind
            for item in items:
                _hide_below(item, inner, path)
        case yaml.ScalarNode() if path and path[-1] in _URL_KEYS:
            node.value = without_password(node.value)
        case _:
            pass


def _hide(node: yaml.Node, text: str) -> None:
    match node:
        case yaml.ScalarNode():
            node.value, node.style, node.tag = text, None, "tag:yaml.org,2002:str"
        case yaml.SequenceNode(value=items):
            for item in items:
                _hide(item, text)
        case _:
            pass


@cache
def _fields(model: type[BaseModel]) -> Mapping[str, Any]:
    """What each key of a section holds: a model, ``SecretStr``, a container of them, or nothing to hide."""
    return {info.alias or name: _kind(info.annotation) for name, info in model.model_fields.items()}


def _kind(annotation: Any) -> Any:
    for found in _alternatives(annotation):
        if typing.get_origin(found) in {tuple, *_MAPPINGS}:
            return found
        if isinstance(found, type) and issubclass(found, (BaseModel, SecretStr)):
            return found
    return None


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _alternatives(typing.get_args(annotation)[0])
    elif origin in {typing.Union, types.UnionType}:
        for each in typing.get_args(annotation):
            yield from _alternatives(each)
    else:
        yield annotation


_MAPPINGS: Final = (dict, Mapping)


def _inner(kind: Any) -> Any:
    """What the items of a list, or the values of a mapping, are."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return _kind(arguments[0])
    return _kind(arguments[1]) if origin in _MAPPINGS else None
