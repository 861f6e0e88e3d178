"""Groups on the clock: each waits for its turn, is evaluated, and waits again; new rules take over from old ones.

One ``Runner`` a tenant. This is the only file of rules that waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sonde.errors import UserError
from sonde.rules.group import Group, Surroundings
from sonde.rules.restore import Outage, restore
from sonde.rules.rule_file import GroupDefinition
from sonde.rules.schedule import Schedule

DEFAULT_INTERVAL_NANO: Final = 60 * 10**9

logger = logging.getLogger(__name__)


class Runner:
    """The rules of a tenant, evaluated in time."""

    def __init__(self, surroundings: Surroundings, *, outage: Outage = Outage()) -> None:
        self._surroundings = surroundings
        self._outage = outage
        self._loops: dict[tuple[str, str], _Loop] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._is_first = True
        self._updating = asyncio.Lock()

    @property
    def tenant(self) -> str:
        """Whose rules they are."""
        return self._surroundings.tenant

    @property
    def groups(self) -> list[Group]:
        """All groups, by file and name."""
        return [self._loops[key].group for key in sorted(self._loops)]

    async def update(
        self, definitions: Sequence[GroupDefinition], *, interval_nano: int = DEFAULT_INTERVAL_NANO
    ) -> None:
        """Evaluate these groups from now on.

        A group that has not changed goes on. One that has begins anew with the alerts and series of its rules that are
        still there. The series of rules that are not are said to have ended.

        Raises:
            UserError: Two groups have the same file and name; nothing has changed then.
        """
        _refuse_twins(definitions)
        async with self._updating:
            await self._update(definitions, interval_nano)

    async def _update(self, definitions: Sequence[GroupDefinition], interval_nano: int) -> None:
        old, self._loops = self._loops, {}
        was_first, self._is_first = self._is_first, False
        changed: list[tuple[_Loop, _Loop | None]] = []
        for definition in definitions:
            key = (definition.file, definition.name)
            before = old.pop(key, None)
            if before is not None and before.is_same(definition, interval_nano):
                self._loops[key] = before
                continue
            group = Group(definition, self._surroundings, interval_nano, is_restored=not was_first)
            loop = _Loop(group, self._surroundings, self._outage)
            self._loops[key] = loop
            changed.append((loop, before))
        await asyncio.gather(*(before.stop() for _, before in changed if before is not None))
        await asyncio.gather(*(gone.stop() for gone in old.values()))
        for loop, before in changed:
            if before is not None:
                loop.group.take_over(before.group)
            loop.start()
        for gone in old.values():
            gone.group.counts.forget()
            task = asyncio.get_running_loop().create_task(gone.leave(), name=f"rules {gone.group.key} leave")
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """End behind the rules that are being evaluated; whoever starts again restores what was pending."""
        await asyncio.gather(*(loop.stop() for loop in self._loops.values()))
        for task in tuple(self._leaving):
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)


@dataclass(slots=True)
class _Loop:
    """One group on the clock."""

    group: Group
    surroundings: Surroundings
    outage: Outage
    _task: asyncio.Task[None] | None = None
    _is_ending: bool = False
    _is_waiting: bool = False

    def is_same(self, definition: GroupDefinition, interval_nano: int) -> bool:
        """Whether a definition is what runs already."""
        own = self.group
        is_known = own.definition is definition or same_definition(own.definition, definition)
        return is_known and own.interval_nano == (definition.interval_nano or interval_nano)

    def start(self) -> None:
        """Begin."""
        file, name = self.group.key
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"rules {file};{name}")

    async def stop(self) -> None:
        """End; an evaluation that runs is finished."""
        self._is_ending = True
        if self._task is None:
            return
        if self._is_waiting:
            self._is_waiting = False
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def leave(self) -> None:
        """Write the markers, two intervals later: a group under another name may give the same series by then."""
        clock = self.surroundings.clock
        at = clock.wall_nano()
        await clock.sleep_until(clock.steady_nano() + 2 * self.group.interval_nano)
        await self.group.mark_stale(at)

    async def _run(self) -> None:
        try:
            await self._beat()
        except asyncio.CancelledError:
            if not self._is_ending:
                raise
        except Exception:  # a bug: said aloud here, since nobody awaits this task
            logger.exception("rule group %s has ended", self.group.key)

    async def _beat(self) -> None:
        clock, group = self.surroundings.clock, self.group
        file, name = group.key
        schedule = Schedule.of(file, name, group.interval_nano)
        turn, missed, evaluated = schedule.first_turn(clock.wall_nano()), 0, 0
        while not self._is_ending:
            group.next_turn = turn
            await self._wait(turn)
            if evaluated:
                turn, missed = schedule.next_turn(turn - group.interval_nano, now=clock.wall_nano())
            group.scheduled(missed)
            evaluated += 1
            try:
                await group.evaluate(turn)
                if evaluated > 1:
                    await self._restore()
            except Exception:  # a bug: the next turn comes all the same, and tries what is left to be restored anew
                logger.exception("a turn of rule group %s failed", group.key)
            turn += group.interval_nano

    async def _wait(self, turn: int) -> None:
        clock = self.surroundings.clock
        self._is_waiting = True
        try:
            await clock.sleep_until(clock.steady_nano() + max(turn - clock.wall_nano(), 0))
        finally:
            self._is_waiting = False

    async def _restore(self) -> None:
        """Behind the second evaluation: before it there may be nothing yet of which alerts could be made."""
        waiting = [rule for rule in self.group.alerting_rules if not rule.is_restored]
        if not waiting:
            return
        clock = self.surroundings.clock
        began, at = clock.steady_nano(), clock.wall_nano()
        for rule in waiting:
            await restore(rule, self.surroundings.storage(), at, self.outage)
        self.group.counts.restored((clock.steady_nano() - began) / 1e9)


def _refuse_twins(definitions: Sequence[GroupDefinition]) -> None:
    seen: set[tuple[str, str]] = set()
    for definition in definitions:
        key = (definition.file, definition.name)
        if key in seen:
            raise UserError(
                f"the rule group {definition.name} of {definition.file} is there twice",
                code="rules.duplicate_group",
                hint="a namespace may not be named as a rule file that has a group of the same name",
            )
        seen.add(key)


def same_definition(one: GroupDefinition, other: GroupDefinition) -> bool:
    """Whether two groups say the same; how their expressions were read does not matter."""
    return _said(one) == _said(other)


def _said(group: GroupDefinition) -> object:
    rules = tuple(
        (
            rule.record,
            rule.alert,
            type(rule.expression),
            rule.expression.text,
            rule.for_nano,
            rule.keep_firing_for_nano,
            tuple(sorted({**group.labels, **rule.labels}.items())),
            tuple(sorted(rule.annotations.items())),
        )
        for rule in group.rules
    )
    return group.name, group.file, group.limit, group.query_offset_nano, rules
