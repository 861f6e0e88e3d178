"""Whatever happens and whatever is held back: in the end everybody has been told how it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.notify.simulation import HOUR, Simulation

from sonde.notify.notifier import Result

CONFIGURATION = """
route: {receiver: a, group_wait: 10s, group_interval: 1m, repeat_interval: 4h}
receivers:
  - {name: a, webhook_configs: [{url: 'http://a/'}]}
  - {name: b, webhook_configs: [{url: 'http://a/'}]}
"""
COOLDOWN = "cooldowns: [{for: 10m}]"
FLAPPING = "flapping: {changes: 3, window: 20m, calm: 5m}"
ESCALATION = "escalations: [{name: all, steps: [{after: 2m, notify: [receiver b]}]}]"
OTHERS = "cooldowns: [{matchers: [n=3], for: 1h}]\n" + ESCALATION.replace("name: all", "name: x, matchers: [n=3]")
EXAMPLES = 30
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["fire", "fire", "resolve", "resolve", "acknowledge"]), st.sampled_from("12")),
        st.tuples(st.sampled_from(["kill", "reload", "fail"]), st.just("")),
        st.tuples(st.just("pass"), st.sampled_from(["1", "9", "61", "150", "400", "700"])),
    ),
    max_size=30,
)


@dataclass
class Chaos:
    """Lets things happen, and knows what fires."""

    plan: str
    fires: dict[str, bool] = field(default_factory=lambda: {"1": False, "2": False})
    is_failing: bool = False

    def __post_init__(self) -> None:
        self.world = Simulation(CONFIGURATION, plan=self.plan)
        self.world.answer = lambda _: Result("busy", retry=True) if self.is_failing else Result()

    def happen(self, verb: str, what: str) -> None:
        match verb:
            case "fire" | "resolve":
                (self.world.fire if verb == "fire" else self.world.resolve)(n=what)
                self.fires[what] = verb == "fire"
            case "acknowledge":
                if self.fires[what]:
                    self.world.acknowledge(n=what)
            case "kill":
                self.world.start()
            case "reload":
                self.world.reload(CONFIGURATION)
            case "fail":
                self.is_failing = not self.is_failing
            case _:
                self.world.run_until(self.world.second + float(what))

    def believed(self, receiver: str) -> set[str]:
        """What somebody must think that fires, by all that was told."""
        found: set[str] = set()
        for told in self.world.told:
            if told.to.startswith(f"{receiver}/"):
                found = (found | set(told.firing.split())) - set(told.resolved.split())
        return found


@pytest.mark.parametrize("plan", [COOLDOWN, FLAPPING, f"{COOLDOWN}\n{FLAPPING}\n{ESCALATION}"])
@settings(max_examples=EXAMPLES, deadline=None)
@given(STEPS)
def test_in_the_end_everybody_knows_how_it_is(plan: str, steps: list[tuple[str, str]]) -> None:
    chaos = Chaos(plan)
    for verb, what in steps:
        chaos.happen(verb, what)
    chaos.is_failing = False
    chaos.happen("pass", str(2 * HOUR))

    firing = {name for name, fires in chaos.fires.items() if fires}
    assert chaos.believed("a") == firing
    assert chaos.believed("b") <= firing  # who was told by a step


@settings(max_examples=EXAMPLES, deadline=None)
@given(STEPS)
def test_a_plan_that_is_about_others_changes_nothing(steps: list[tuple[str, str]]) -> None:
    without, beside = Chaos(""), Chaos(OTHERS)
    for verb, what in steps:
        if verb != "acknowledge":
            without.happen(verb, what)
            beside.happen(verb, what)

    assert without.world.told == beside.world.told
