"""A tenant's rule groups from the state database, beside those of files: what the API has kept, as definitions."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from sonde.rules.expression import Language
from sonde.rules.rule_file import GroupDefinition, parse_rule_group
from sonde.state.rule_groups import StoredGroup, read_groups

logger = logging.getLogger(__name__)


class StoredGroups:
    """Reads a tenant's groups; one that has not changed since is not read again. A group's ``file`` is its namespace.

    ``problems`` says what could not be read, group by group: written by another version. Those groups do not run.
    """

    def __init__(self, engine: sa.Engine, tenant: str, languages: Mapping[str, Language]) -> None:
        self._engine = engine
        self._tenant = tenant
        self._languages = languages
        self._known: dict[tuple[str, str], tuple[str, GroupDefinition]] = {}
        self.problems: Sequence[str] = ()

    def definitions(self) -> tuple[GroupDefinition, ...]:
        """All groups that can be read, by namespace and name. Blocks: for a thread."""
        found: dict[tuple[str, str], tuple[str, GroupDefinition]] = {}
        problems: list[str] = []
        for stored in read_groups(self._engine, self._tenant):
            key = (stored.namespace, stored.name)
            known = self._known.get(key)
            if known is not None and known[0] == stored.document:
                found[key] = known
            elif (definition := self._read(stored, problems)) is not None:
                found[key] = (stored.document, definition)
        self._known, self.problems = found, tuple(problems)
        return tuple(definition for _, definition in found.values())

    def _read(self, stored: StoredGroup, problems: list[str]) -> GroupDefinition | None:
        file = parse_rule_group(stored.document, self._languages, source=stored.namespace)
        if not file.groups:
            problems += file.messages()
            logger.warning("rule group %s of %s does not run: %s", stored.name, stored.namespace, file.messages())
            return None
        return file.groups[0]
