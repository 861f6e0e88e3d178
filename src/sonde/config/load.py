"""One YAML file, the environment and the command line in; ``Configuration`` out: the settings and where each came from.

A flag wins over the environment, the environment over the file, the file over the default. Every value is read from its
text in the same way, wherever it stands. All that is wrong is reported at once, with places.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sonde.config.keys import ENVIRONMENT_PREFIX, KEYS, SECTIONS, value_of, write_value
from sonde.config.settings import Settings
from sonde.errors import UserError

FILE_VARIABLE = "SONDE_CONFIG"
DEFAULT_ORIGIN = "default"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings, and for each key what decided it: ``--data``, ``SONDE_DATA``, ``sonde.yaml:3:7``, ``default``."""

    settings: Settings
    origins: Mapping[str, str]

    def write(self) -> str:
        """Write the effective configuration as YAML that ``load`` can read; origins and masked secrets are comments."""
        lines: list[str] = []
        written: set[str] = set()
        for path, key in KEYS.items():
            *sections, name = path.split(".")
            for depth in range(1, len(sections) + 1):
                section = ".".join(sections[:depth])
                if section not in written:
                    written.add(section)
                    lines.append(f"{'  ' * (depth - 1)}{sections[depth - 1]}:")
            value = write_value(value_of(self.settings, path), kind=key.kind)
            comment = "# " if not value or key.secret else ""
            line = f"{'  ' * len(sections)}{comment}{name}: {_quote(value) if value else ''}".rstrip()
            lines.append(f"{line:<55} # {self.origins[path]}")
        return "\n".join(lines) + "\n"


def _quote(value: str) -> str:
    """Quote only what would not be one scalar in YAML; ``load`` reads texts, so 0 and true stay bare."""
    tag = yaml.resolver.Resolver().resolve(yaml.ScalarNode, value, (True, False))  # type: ignore[no-untyped-call]
    return str(yaml.serialize(yaml.ScalarNode(tag, value), Dumper=yaml.SafeDumper, width=10_000)).splitlines()[0]


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as somebody wrote it, and where."""

    value: str | tuple[str, ...]
    origin: str

    def place(self, path: str) -> str:
        """Where a reader should look; a flag or a variable has the key in its name already."""
        return self.origin if self.origin.startswith(("--", ENVIRONMENT_PREFIX)) else f"{self.origin}: {path}"


def load(
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str | None] | None = None,
) -> Configuration:
    """Read the configuration.

    Args:
        file: The YAML file; without it the one that ``SONDE_CONFIG`` names, if any.
        environment: As ``os.environ``.
        flags: Command line values by key, ``None`` where a flag was not given.

    Raises:
        UserError: Something is wrong; the message has one line a problem.
    """
    environment = environment or {}
    problems: list[str] = []
    if file is None and environment.get(FILE_VARIABLE):
        file = Path(environment[FILE_VARIABLE]).expanduser()
    given = {
        **(dict(_from_file(file, problems)) if file else {}),
        **dict(_from_environment(environment, problems)),
        **dict(_from_flags(flags or {})),
    }
    settings = _validate(given, problems)
    if settings is None or problems:
        lines = ["the configuration cannot be used", *(f"  {problem}" for problem in problems)]
        raise UserError("\n".join(lines), code="config.invalid")
    origins = {path: given[path].origin if path in given else DEFAULT_ORIGIN for path in KEYS}
    return Configuration(settings, origins)


def _validate(given: Mapping[str, _Given], problems: list[str]) -> Settings | None:
    """The settings, or None and a line in ``problems`` for each value that is not what its key takes."""
    tree: dict[str, Any] = {}
    for path, value in given.items():
        *sections, name = path.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[name] = value.value
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            path, below = _key_and_rest(problem["loc"])
            why = _message(problem) if path in KEYS and KEYS[path].secret else _reason(problem)
            reason = f"{below}: {why}" if below else why
            problems.append(f"{given[path].place(path)}: {reason}" if path in given else reason)
        return None


def _key_and_rest(location: tuple[int | str, ...]) -> tuple[str, str]:
    """The key that pydantic's location lies in, and what of it lies inside the key's value."""
    for length in range(len(location), 0, -1):
        path = ".".join(map(str, location[:length]))
        if path in KEYS:
            return path, ".".join(map(str, location[length:]))
    return "", ""


def _message(problem: ErrorDetails) -> str:
    """What is wrong with a value, without the value."""
    return f"{problem['msg'][:1].lower()}{problem['msg'][1:]}"


def _reason(problem: ErrorDetails) -> str:
    """What is wrong with a value, in words of ours."""
    context = problem.get("ctx", {})
    match problem["type"]:
        case "value_error":
            return str(context["error"])
        case "bool_parsing":
            return f"{problem['input']!r} is neither true nor false"
        case "int_parsing":
            return f"{problem['input']!r} is not a whole number"
        case "literal_error":
            return f"{problem['input']!r} is not one of {context['expected']}"
        case _:
            return f"{problem['input']!r}: {_message(problem)}"


def _from_flags(flags: Mapping[str, str | None]) -> Iterator[tuple[str, _Given]]:
    for path, text in flags.items():
        if text is not None:
            yield path, _Given(text, "--" + path.replace("_", "-"))


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> Iterator[tuple[str, _Given]]:
    """Each key whose variable is set and not empty.

    A variable that is nearly one of ours is a mistake and is reported; others are left alone, because programs share an
    environment: Kubernetes sets ``SONDE_SERVICE_HOST`` and ``SONDE_PORT`` beside a service that is called sonde.
    """
    variables = {key.variable: path for path, key in KEYS.items()}
    for variable, text in sorted(environment.items()):
        if variable in variables and text:
            yield variables[variable], _Given(text, variable)
        elif variable.startswith(ENVIRONMENT_PREFIX) and variable not in variables:
            near = difflib.get_close_matches(variable, variables, n=1, cutoff=0.9)
            problems.extend(f"{variable}: there is no such variable; did you mean {name}?" for name in near)


def _from_file(file: Path, problems: list[str]) -> Iterator[tuple[str, _Given]]:
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}", code="config.unreadable") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text", code="config.unreadable") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
        raise UserError(f"{where}: not YAML: {error.problem}", code="config.not_yaml") from error
    except yaml.YAMLError as error:
        raise UserError(f"{file}: not YAML: {error}", code="config.not_yaml") from error
    if root is not None:
        yield from _read_section(root, "", file, problems)


def _read_section(node: yaml.Node, section: str, file: Path, problems: list[str]) -> Iterator[tuple[str, _Given]]:
    """Each value of a mapping, with its path, line and column."""
    if isinstance(node, yaml.ScalarNode) and not node.value:
        return  # `retention:` with nothing below it
    if not isinstance(node, yaml.MappingNode):
        problems.append(f"{_place(file, node)}: {section or 'the file'} must be a mapping of keys to values")
        return
    seen: set[str] = set()
    for key_node, value_node in node.value:
        place = _place(file, key_node)
        name = str(key_node.value)
        path = f"{section}.{name}" if section else name
        if path in seen:
            problems.append(f"{place}: {path} stands here a second time")
        elif path in SECTIONS:
            yield from _read_section(value_node, path, file, problems)
        elif path not in KEYS:
            problems.append(f"{place}: unknown key {path}{_did_you_mean(path, [*KEYS, *SECTIONS])}")
        elif (value := _read_value(value_node, structured=KEYS[path].structured)) is None:
            problems.append(f"{place}: {path} has no value that could be read; leave the line out for the default")
        else:
            yield path, _Given(value, _place(file, value_node))
        seen.add(path)


def _read_value(node: yaml.Node, *, structured: bool) -> str | tuple[str, ...] | None:
    """The text of a value, or the texts of a list; None for anything else."""
    match node:
        case yaml.SequenceNode() | yaml.MappingNode() if structured:
            return str(yaml.serialize(node))
        case yaml.ScalarNode(tag=tag, value=str(text)) if tag != "tag:yaml.org,2002:null":
            return text
        case yaml.SequenceNode(value=items) if all(isinstance(item, yaml.ScalarNode) for item in items):
            return tuple(str(item.value) for item in items)
        case _:
            return None


def _place(file: Path, node: yaml.Node) -> str:
    return f"{file}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _did_you_mean(path: str, known: Iterable[str]) -> str:
    """The nearest key by its whole path, else one with the same last name."""
    known = list(known)
    near = difflib.get_close_matches(path, known, n=1, cutoff=0.75)
    if not near:
        last = path.rpartition(".")[2]
        near = [key for key in known if key.rpartition(".")[2] == last][:1]
    return f"; did you mean {near[0]}?" if near else ""
