"""What is put here: the YAML of one group, checked as a rule file is before anything of it is kept."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request

from sonde.errors import TooLarge, UserError
from sonde.rules.expression import Language
from sonde.rules.rule_file import GroupDefinition, parse_rule_group
from sonde.web.ruler.configured import RulerLimits


async def read_text(request: Request, limits: RulerLimits) -> str:
    """The body. Raises ``TooLarge`` before more of it is read than may be."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limits.body_bytes:
            raise TooLarge(
                f"the rule group is larger than {limits.body_bytes >> 10} KiB", hint="divide it into several"
            )
        parts.append(part)
    try:
        return b"".join(parts).decode()
    except UnicodeDecodeError:
        raise UserError("yaml: invalid UTF-8", code="rules.file") from None


def read_group(text: str, namespace: str, languages: Mapping[str, Language], limits: RulerLimits) -> GroupDefinition:
    """The group that a text says.

    Raises:
        UserError: It says none that can be evaluated; the message has a line for each problem.
    """
    file = parse_rule_group(text, languages, source=namespace)
    if file.problems:
        first = file.problems[0]
        raise UserError(
            "\n".join(map(str, file.problems)),
            code="rules.file",
            position=(first.line, first.column) if first.line else None,
        )
    if file.has_more_documents:
        raise UserError("there is more than one document; a request has one group", code="rules.file")
    (group,) = file.groups
    if not group.rules:
        raise UserError(f"rule group '{group.name}' has no rules", code="rules.file")
    if len(group.rules) > limits.rules_per_group:
        raise UserError(
            f"rule group '{group.name}' has {len(group.rules)} rules, {limits.rules_per_group} are allowed",
            code="rules.too_many",
            hint="divide it into several",
        )
    for kind, name in (("namespace", namespace), ("name of the group", group.name)):
        if "\0" in name:
            raise UserError(f"the {kind} has the character 0 in it", code="rules.name")
        if len(name) > limits.name_characters:
            raise UserError(f"the {kind} has more than {limits.name_characters} characters", code="rules.name")
    return group
