"""The history of notifications: what is kept of an attempt, in which order it is found, and what is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sonde.notify.history import History as HistoryProtocol
from sonde.notify.history import Notification
from sonde.state import notifications
from sonde.state.database import open_database
from sonde.state.notifications import History, Question, find

NOW = 1_700_000_000
EVER = {"tenant": "default", "since": 0.0, "until": 2e9}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(tmp_path)
    yield engine
    engine.dispose()


def told(second: int = 0, **changes: Any) -> Notification:
    labels = (("alertname", "HighErrorRate"), ("service", "shop"))
    fields: dict[str, Any] = {
        "at": (NOW + second) * 10**9 + 123_456_789,
        "receiver": "team",
        "integration": "team/slack/0",
        "group_key": '{}:{alertname="HighErrorRate"}',
        "group_labels": (("alertname", "HighErrorRate"),),
        "status": "firing",
        "alerts": (labels,),
        "firing": 1,
        "attempt": 1,
        "duration": 250_000_000,
    }
    return Notification(**{**fields, **changes})


def seconds(page: notifications.Page) -> list[int]:
    return [kept.at // 10**9 - NOW for kept in page.kept]


def test_an_attempt_is_kept_to_the_nanosecond_with_all_that_is_known_of_it(state: sa.Engine) -> None:
    history: HistoryProtocol = History(state)
    history.note([told(error="503 Service Unavailable", attempt=2, is_retried=True)], tenant="default")

    (kept,) = find(state, Question(**EVER), limit=10).kept

    assert (kept.at, kept.duration, kept.attempt) == (NOW * 10**9 + 123_456_789, 250_000_000, 2)
    assert (kept.receiver, kept.integration, kept.status) == ("team", "team/slack/0", "firing")
    assert kept.alerts == [{"alertname": "HighErrorRate", "service": "shop"}]
    assert (kept.alert_count, kept.firing, kept.error, kept.is_retried) == (1, 1, "503 Service Unavailable", True)
    assert (kept.group_key, kept.group_labels) == ('{}:{alertname="HighErrorRate"}', {"alertname": "HighErrorRate"})


def test_pages_go_from_the_newest_to_the_oldest_and_neither_skip_nor_repeat(state: sa.Engine) -> None:
    history = History(state)
    history.note([told(second // 3) for second in range(10)], tenant="default")
    read, after = [], None
    while True:
        page = find(state, Question(**EVER), limit=4, after=after)
        read.append(seconds(page))
        history.note([told(100)], tenant="default")
        after = page.end
        if after is None:
            break
    assert read == [[3, 2, 2, 2], [1, 1, 1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"receiver": "team"}, [4, 1, 0]),
        ({"status": "resolved"}, [4]),
        ({"has_failed": True}, [1]),
        ({"has_failed": False, "receiver": "team"}, [4, 0]),
        ({"since": NOW + 1.0, "until": NOW + 3.0}, [2, 1]),
        ({"fits": lambda labels: labels.get("service") == "cart"}, [3]),
        ({"tenant": "another"}, [9]),
    ],
)
def test_filters(state: sa.Engine, asked: dict[str, Any], found: list[int]) -> None:
    cart = (("alertname", "Down"), ("service", "cart"))
    history = History(state)
    history.note(
        [
            told(0),
            told(1, error="refused"),
            told(2, receiver="ops"),
            told(3, receiver="ops", alerts=(*told().alerts, cart)),
            told(4, status="resolved"),
        ],
        tenant="default",
    )
    history.note([told(9)], tenant="another")
    assert seconds(find(state, Question(**{**EVER, **asked}), limit=10)) == found


def test_a_search_for_rare_labels_stops_after_so_many_rows_and_can_go_on(
    state: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "MAX_SCANNED", 3)
    History(state).note([told(second) for second in range(5)], tenant="default")
    question = Question(**EVER, fits=lambda _labels: False)

    first = find(state, question, limit=10)
    assert (first.kept, first.scanned) == ([], 3)
    second = find(state, question, limit=10, after=first.end)
    assert (second.scanned, second.end) == (2, None)


def test_what_is_too_old_goes_with_the_next_note_after_an_hour(state: sa.Engine) -> None:
    history = History(state, max_age_seconds=100)
    history.note([told(0)], tenant="default")
    history.note([told(200)], tenant="default")
    assert seconds(find(state, Question(**EVER), limit=10)) == [200, 0]
    history.note([told(3700)], tenant="default")
    assert seconds(find(state, Question(**EVER), limit=10)) == [3700]


def test_only_so_many_of_a_tenant_are_kept_and_others_lose_nothing(state: sa.Engine) -> None:
    history = History(state, max_entries=100)
    history.note([told(second) for second in range(50)], tenant="another")
    for second in range(300):
        history.note([told(second)], tenant="default")
    kept = seconds(find(state, Question(**EVER), limit=500))
    assert len(kept) <= 102
    assert kept[:100] == list(range(299, 199, -1))
    assert len(find(state, Question(**{**EVER, "tenant": "another"}), limit=500).kept) == 50


def test_a_group_of_very_many_alerts_makes_no_large_row(state: sa.Engine) -> None:
    many = tuple((("alertname", "Down"), ("instance", f"host-{number:05}")) for number in range(10_000))
    History(state).note([told(alerts=many, firing=9_000, error="x" * 10**6)], tenant="default")
    with state.connect() as connection:
        size = connection.execute(sa.text("SELECT length(document) + length(error) FROM notifications")).scalar_one()
    (kept,) = find(state, Question(**EVER), limit=1).kept
    assert size < 50_000
    assert (kept.alert_count, kept.firing) == (10_000, 9_000)
    assert 100 < len(kept.alerts) < 1_000


def test_text_that_a_database_does_not_take_is_kept_all_the_same(state: sa.Engine) -> None:
    odd = (("alertname", "a\udcff\0"),)
    History(state).note([told(alerts=(odd,), error="bad \udc80\0", receiver="r\0")], tenant="default")
    (kept,) = find(state, Question(**EVER), limit=1).kept
    assert (kept.error, kept.receiver) == ("bad ? ", "r ")
    assert kept.alerts == [{"alertname": "a\udcff\0"}]
