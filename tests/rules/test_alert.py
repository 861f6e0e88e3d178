"""The states of an alert, and a plain model of them that random sequences are held against."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from sonde.rules.alert import RESOLVED_RETENTION_NANO, ActiveAlert, Holding, State, advance

LABELS = (("alertname", "Down"),)
MINUTE = 60 * 10**9


def found(at: int, value: float = 1.0) -> dict[tuple[tuple[str, str], ...], ActiveAlert]:
    return {LABELS: ActiveAlert(LABELS, (), value, active_at=at)}


def states(pattern: str, holding: Holding) -> str:
    """The state after each minute: i, p, f or - for none; ``x`` is a minute in which the condition holds."""
    alerts: dict[tuple[tuple[str, str], ...], ActiveAlert] = {}
    shown = ""
    for place, sign in enumerate(pattern):
        at = place * MINUTE
        alerts = advance(alerts, found(at) if sign == "x" else {}, holding, at)
        shown += alerts[LABELS].state.name[0].lower() if alerts else "-"
    return shown


def test_states_follow_the_condition() -> None:
    for minutes, keep, pattern, expected in (
        (0, 0, "xx..x", "ffiif"),
        (2, 0, "xxxx.x", "ppffip"),
        (2, 0, "xx.xxx", "pp-ppf"),
        (0, 2, "x..x...", "fffffffi"[:6] + "i"),
        (1, 3, "xx.x...x", "pfffffff"),
        (1, 2, "xx....", "pfffii"),
    ):
        holding = Holding(minutes * MINUTE, keep * MINUTE)
        assert states(pattern, holding) == expected, (minutes, keep, pattern)


def test_a_resolved_alert_is_kept_for_fifteen_minutes() -> None:
    assert states("x" + "." * 18, Holding()) == "f" + "i" * 16 + "--"
    assert RESOLVED_RETENTION_NANO == 15 * MINUTE


def test_a_longer_for_makes_a_firing_alert_pending_again() -> None:
    firing = advance({}, found(0), Holding(), 0)
    again = advance(firing, found(MINUTE), Holding(for_nano=5 * MINUTE), MINUTE)
    assert again[LABELS].state is State.PENDING
    assert again[LABELS].fired_at is None


def test_value_and_annotations_are_those_of_the_last_evaluation() -> None:
    first = advance({}, found(0), Holding(), 0)
    second = advance(first, found(MINUTE, 7.0), Holding(), MINUTE)
    assert (second[LABELS].value, second[LABELS].active_at, second[LABELS].fired_at) == (7.0, 0, 0)


@dataclass
class Model:
    """One alert, with everything that may happen to it in one place, step by step."""

    holding: Holding
    state: str = "none"
    active: int = 0
    keeping: int | None = None
    resolved: int | None = None

    def step(self, holds: bool, at: int) -> None:
        if holds:
            if self.state in {"none", "inactive"}:
                self.state, self.active, self.resolved = "pending", at, None
            self.keeping = None
        elif self.state == "pending":
            self.state = "none"
            return
        elif self.state == "firing":
            if self.holding.keep_firing_for_nano and self.keeping is None:
                self.keeping = at
            if self.keeping is None or at - self.keeping >= self.holding.keep_firing_for_nano:
                self.state, self.resolved = "inactive", at
                return
        elif self.state == "inactive":
            assert self.resolved is not None
            if at - self.resolved > 15 * MINUTE:
                self.state = "none"
            return
        else:
            return
        if at - self.active >= self.holding.for_nano:
            self.state = "firing"


@given(
    conditions=st.lists(st.tuples(st.booleans(), st.integers(1, 8)), max_size=60),
    minutes=st.integers(0, 6),
    keep=st.integers(0, 6),
)
def test_any_sequence_of_conditions_gives_the_states_of_the_model(
    conditions: list[tuple[bool, int]], minutes: int, keep: int
) -> None:
    holding = Holding(minutes * MINUTE, keep * MINUTE)
    model = Model(holding)
    alerts: dict[tuple[tuple[str, str], ...], ActiveAlert] = {}
    at = 0
    for holds, later in conditions:
        alerts = advance(alerts, found(at) if holds else {}, holding, at)
        model.step(holds, at)
        alert = alerts.get(LABELS)
        assert (alert.state.name.lower() if alert else "none") == model.state
        if alert:
            assert alert.active_at == model.active
            assert alert.resolved_at == (model.resolved if model.state == "inactive" else None)
        at += later * MINUTE


def test_an_alert_is_told_again_when_it_is_time_or_when_it_is_over() -> None:
    firing = ActiveAlert(LABELS, (), 1.0, active_at=0, state=State.FIRING, fired_at=0)
    pending = ActiveAlert(LABELS, (), 1.0, active_at=0)
    resolved = ActiveAlert(LABELS, (), 1.0, 0, State.INACTIVE, resolved_at=2 * MINUTE, last_sent_at=MINUTE)
    sent = ActiveAlert(LABELS, (), 1.0, 0, State.FIRING, last_sent_at=MINUTE)
    assert not pending.needs_sending(0, MINUTE)
    assert firing.needs_sending(0, MINUTE)
    assert resolved.needs_sending(MINUTE + 1, MINUTE)
    assert not sent.needs_sending(2 * MINUTE, MINUTE)
    assert sent.needs_sending(2 * MINUTE + 1, MINUTE)
