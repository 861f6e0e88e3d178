"""Rules of the configuration, as ``rules`` has them: files, packs, objectives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sonde.config.settings import Settings
from sonde.errors import UserError
from sonde.rules import packs
from sonde.rules.expression import Language
from sonde.rules.rule_file import GroupDefinition, load_rule_files, matching_files, parse_rule_file
from sonde.rules.slo.objective import Objective
from sonde.rules.slo.read import read_objectives
from sonde.rules.slo.render import render

_ALL = "all"


def rule_groups(
    settings: Settings, languages: Mapping[str, Language], *, files: tuple[str, ...] = ()
) -> tuple[GroupDefinition, ...]:
    """All groups of rules that are configured. ``files`` are the patterns of Prometheus' own configuration.

    Raises:
        UserError: A file or pack cannot be used; the message has a line for each problem.
    """
    groups = list(load_rule_files((*files, *settings.rules.files), languages))
    for name in pack_names(settings):
        groups += _parsed(packs.pack(name), f"pack/{name}", languages)
    for path in matching_files(settings.rules.slos):
        groups += _parsed(render(_objectives(path)), path, languages)
    return tuple(groups)


def pack_names(settings: Settings) -> tuple[str, ...]:
    """The packs that are configured.

    Raises:
        UserError: There is no such pack.
    """
    asked = settings.rules.packs
    if _ALL in asked:
        return packs.names()
    for name in asked:
        packs.pack(name)
    return asked


def objectives(settings: Settings) -> tuple[Objective, ...]:
    """All objectives that are configured.

    Raises:
        UserError: A file cannot be used.
    """
    return tuple(each for path in matching_files(settings.rules.slos) for each in _objectives(path))


def _objectives(path: str) -> tuple[Objective, ...]:
    try:
        return read_objectives(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"{path} cannot be read: {reason}", code="slo.file") from error
    except UserError as error:
        where = f"{path}:{error.position[0]}:{error.position[1]}" if error.position else path
        raise UserError(f"{where}: {error.message}", code=error.code, hint=error.hint) from error


def _parsed(text: str, source: str, languages: Mapping[str, Language]) -> tuple[GroupDefinition, ...]:
    file = parse_rule_file(text, languages, source=source)
    if file.problems:
        raise UserError("\n  ".join(["rules cannot be used", *file.messages()]), code="rules.file")
    return file.groups
