"""YAML as texts with places: scalars stay as they are written, and every key and item knows its line and column.

What a text means is decided by who knows the field: a label's value ``9100`` is a text, a limit's is a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from sonde.errors import UserError

Path = tuple[str | int, ...]
Place = tuple[int, int]

_NULL: Final = "tag:yaml.org,2002:null"
_DEEPEST: Final = 100
_MOST_VALUES: Final = 500_000
"""Of one document. Aliases of aliases make many of few."""
_Loader: Final[type[yaml.SafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SHOWN_AS_IT_IS: Final = frozenset({"labels", "external_labels", "params"})
"""Their keys are names that people make up: a label ``key`` is no key."""
SECRET_KEYS: Final = frozenset(
    {"password", "credentials", "bearer_token", "client_secret", "key", "secrets", "proxy_connect_header"}
)
_URL_KEYS: Final = frozenset({"url", "proxy_url", "token_url"})


@dataclass(frozen=True, slots=True)
class YamlTree:
    """A document: mappings, lists, texts and None, and where each of them is written."""

    value: Any
    places: Mapping[Path, Place]
    source: str
    _root: yaml.Node | None

    def place(self, path: Path) -> Place:
        r"""The line and column of a key or item, or of the nearest one around it.

        >>> parse_yaml("global:\n  scrape_interval: 5s").place(("global", "scrape_interval", "unit"))
        (2, 3)
        """
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def redacted(self) -> str:
        """The document as YAML, without its secrets.

        >>> print(parse_yaml("basic_auth: {username: me, password: pw}").redacted(), end="")
        basic_auth: {username: me, password: <secret>}
        """
        if self._root is None:
            return ""
        _redact(self._root)
        return str(yaml.serialize(self._root, Dumper=yaml.SafeDumper, width=120, allow_unicode=True))


def parse_yaml(text: str, source: str = "") -> YamlTree:
    """Read a document.

    Raises:
        UserError: It is not YAML, or a mapping has a key twice.
    """
    try:
        loader = _Loader(text)
    except yaml.YAMLError as error:  # a character that YAML does not have
        raise UserError(f"{_in(source)}not YAML: {error}", code="scrape.config") from error
    try:
        _check_depth(text, source)
        root = loader.get_single_node()
        places: dict[Path, Place] = {}
        value = _value(loader, root, (), places, source) if root is not None else None
    except RecursionError:
        raise UserError(f"{_in(source)}not YAML: it is nested too deeply", code="scrape.config") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise UserError(f"{_in(source)}not YAML: {error.problem}", code="scrape.config", position=place) from error
    except yaml.YAMLError as error:
        raise UserError(f"{_in(source)}not YAML: {error}", code="scrape.config") from error
    finally:
        loader.dispose()
    return YamlTree(value, places, source, root)


def _check_depth(text: str, source: str) -> None:
    """Refuse what is nested so deeply that the composer, which is written in C, would use up its stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        match event:
            case yaml.CollectionStartEvent():
                depth += 1
                if depth > _DEEPEST:
                    raise UserError(f"{_in(source)}not YAML: nested more than {_DEEPEST} times", code="scrape.config")
            case yaml.CollectionEndEvent():
                depth -= 1
            case _:
                pass


def _in(source: str) -> str:
    return f"{source}: " if source else ""


def _value(loader: yaml.SafeLoader, node: yaml.Node, path: Path, places: dict[Path, Place], source: str) -> Any:
    if len(places) > _MOST_VALUES:
        raise UserError(
            f"{_in(source)}more than {_MOST_VALUES} values; are there aliases of aliases?", code="scrape.config"
        )
    places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    match node:
        case yaml.MappingNode():
            _merge(loader, node, source)
            return dict(_pairs(loader, node, path, places, source))
        case yaml.SequenceNode(value=items):
            return [_value(loader, item, (*path, place), places, source) for place, item in enumerate(items)]
        case yaml.ScalarNode(tag=tag, value=text):
            return None if tag == _NULL else str(text)
    raise AssertionError(node)


def _merge(loader: yaml.SafeLoader, node: yaml.MappingNode, source: str) -> None:
    """Put in what ``<<`` refers to, below the mapping's own keys, of which none may stand there twice."""
    seen: set[str] = set()
    for key_node, _ in node.value:
        key = str(key_node.value)
        if key in seen:
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            raise UserError(f"{_in(source)}the key {key} stands here twice", code="scrape.config", position=place)
        seen.add(key)
    loader.flatten_mapping(node)
    node.value = list({str(pair[0].value): pair for pair in node.value}.values())


def _pairs(
    loader: yaml.SafeLoader, node: yaml.MappingNode, path: Path, places: dict[Path, Place], source: str
) -> Iterator[tuple[str, Any]]:
    for key_node, value_node in node.value:
        key = str(key_node.value)
        places[*path, key] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        yield key, _value(loader, value_node, (*path, key), places, source)


def _redact(node: yaml.Node) -> None:
    match node:
        case yaml.MappingNode(value=pairs):
            for key, value in pairs:
                if key.value in _SHOWN_AS_IT_IS:
                    continue
                if key.value in SECRET_KEYS:
                    _hide(value)
                elif key.value in _URL_KEYS and isinstance(value, yaml.ScalarNode):
                    value.value = without_password(value.value)
                else:
                    _redact(value)
        case yaml.SequenceNode(value=items):
            for item in items:
                _redact(item)
        case _:
            pass


def _hide(node: yaml.Node) -> None:
    match node:
        case yaml.ScalarNode():
            node.value, node.style, node.tag = "<secret>", None, "tag:yaml.org,2002:str"
        case yaml.SequenceNode(value=items):
            for item in items:
                _hide(item)
        case yaml.MappingNode(value=pairs):
            for _, value in pairs:
                _hide(value)


def without_password(url: str) -> str:
    """A URL that may be shown.

    >>> without_password("http://me:secret@host/path")
    'http://me:xxxxx@host/path'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if not parts.password:
        return url
    return parts._replace(netloc=f"{parts.username}:xxxxx@{parts.netloc.rpartition('@')[2]}").geturl()
