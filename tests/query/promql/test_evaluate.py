"""How a query is evaluated: what is fetched, when it stops, what it says, and in which order it answers."""

from __future__ import annotations

import asyncio
import math
import threading

import numpy as np
import pytest

from sonde.errors import LimitExceeded, UserError
from sonde.query.promql.evaluate import evaluate
from sonde.query.promql.evaluation.windows import BLOCK
from sonde.query.promql.memory_storage import STALE, Line, MemoryStorage
from sonde.query.promql.parser import parse
from sonde.query.promql.query import Limits, Query, Result
from sonde.query.promql.series import Grid, Samples, Scalar, Text, Vector
from sonde.query.promql.storage import Leaf, Window
from sonde.telemetry.labels import Labels, labels_of

MINUTE = 60_000


def storage(**series: list[float]) -> MemoryStorage:
    """Series by name, a sample a minute from 0 on."""
    return MemoryStorage({labels_of({"__name__": name}): line(values) for name, values in series.items()})


def line(values: list[float]) -> Line:
    return Line({place * MINUTE: value for place, value in enumerate(values)})


def asked(text: str, start: int = 0, end: int = 0, step: int = 0, limits: Limits = Limits()) -> Query:
    return Query(parse(text), start, max(start, end), step, limits=limits, text=text)


async def answered(text: str, where: MemoryStorage, start: int = 0, end: int = 0, step: int = 0) -> Result:
    return await evaluate(where, asked(text, start, end, step))


def numbers(result: Result) -> dict[Labels, list[float]]:
    value = result.value
    assert isinstance(value, Vector)
    return {
        labels: [float(n) for n, there in zip(value.values[row], value.present[row], strict=True) if there]
        for row, labels in enumerate(value.labels)
    }


class Meeting(MemoryStorage):
    """Nobody is served before all have asked."""

    def __init__(self, guests: int) -> None:
        super().__init__(storage(a=[1.0], b=[2.0], c=[3.0]).lines)
        self.barrier = asyncio.Barrier(guests)
        self.leaves: list[Leaf] = []

    async def fetch(self, leaf: Leaf) -> Samples | Vector:
        self.leaves.append(leaf)
        await self.barrier.wait()
        return await super().fetch(leaf)


async def test_leaves_are_fetched_side_by_side() -> None:
    where = Meeting(3)
    result = await asyncio.wait_for(evaluate(where, asked("a + ignoring(x) b * c")), 5)
    assert numbers(result) == {(): [7.0]}


async def test_what_two_parts_need_is_fetched_once() -> None:
    where = Meeting(1)
    await evaluate(where, asked("a + a + sum(a) + sum_over_time((a)[1m:1m])"))
    assert len(where.leaves) == 2  # for the subquery at multiples of its step only


async def test_what_a_store_computed_is_taken() -> None:
    class Computing:
        async def fetch(self, leaf: Leaf) -> Samples | Vector:
            assert leaf.window == Window("rate", 5 * MINUTE, Grid(0, 2 * MINUTE, MINUTE))
            values = np.array([[math.nan, 0.5, 0.25]])
            return Vector([labels_of({"__name__": "a_total", "job": "x"})], values, ~np.isnan(values))

    result = await evaluate(Computing(), asked("sum(rate(a_total[5m]))", 0, 2 * MINUTE, MINUTE))
    assert numbers(result) == {(): [0.5, 0.25]}


async def test_a_vector_of_one_time_is_spread_over_all() -> None:
    class Computing:
        async def fetch(self, leaf: Leaf) -> Samples | Vector:
            assert leaf.window
            assert leaf.window.grid.size == 1
            return Vector([()], np.array([[4.0]]), np.array([[True]]))

    result = await evaluate(Computing(), asked("a @ 60", 0, 2 * MINUTE, MINUTE))
    assert numbers(result) == {(): [4.0] * 3}


@pytest.mark.parametrize("text", ["a", "sum_over_time(a[5m])", "a @ 0", "a + 1"])
async def test_too_many_samples_are_refused(text: str) -> None:
    query = asked(text, 0, 100 * MINUTE, MINUTE, Limits(samples=100))
    with pytest.raises(
        LimitExceeded, match="query processing would load too many samples into memory in query execution"
    ):
        await evaluate(storage(a=[1.0] * 100), query)


async def test_a_query_out_of_time_is_stopped() -> None:
    ticks = iter(range(0, 1_000, 60))
    with pytest.raises(LimitExceeded, match="query timed out"):
        await evaluate(storage(a=[1.0]), asked("abs(abs(abs(a)))"), clock=lambda: float(next(ticks)))


async def test_a_store_that_takes_too_long_is_cancelled() -> None:
    class Slow:
        async def fetch(self, leaf: Leaf) -> Samples | Vector:
            await asyncio.Event().wait()
            raise AssertionError(leaf)

    with pytest.raises(LimitExceeded, match="query timed out"):
        await evaluate(Slow(), asked("a", limits=Limits(seconds=0.01)))


async def test_cancelling_stops_before_the_next_node() -> None:
    entered, leave, seen = threading.Event(), threading.Event(), []

    def clock() -> float:
        seen.append(threading.current_thread())
        if threading.current_thread() is not threading.main_thread():
            entered.set()
            leave.wait(5)
        return 0.0

    task = asyncio.create_task(evaluate(storage(a=[1.0]), asked("abs(abs(abs(a)))"), clock))
    await asyncio.to_thread(entered.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    leave.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert len([thread for thread in seen if thread is not threading.main_thread()]) == 1


async def test_an_error_of_the_store_is_the_querys() -> None:
    class Refusing:
        async def fetch(self, leaf: Leaf) -> Samples | Vector:
            raise UserError(f"no {leaf.matchers[0].value}")

    with pytest.raises(UserError, match="no a"):
        await evaluate(Refusing(), asked("a + a"))


async def test_annotations_say_line_and_column() -> None:
    result = await answered("sum(\n  rate(a[5m])\n)", storage(a=[1.0, 2.0]), MINUTE)
    name = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket"
    assert list(result.annotations.infos) == [f'PromQL info: {name}: "a" (2:8)']


@pytest.mark.parametrize(("type_label", "has_info"), [("counter", False), ("histogram", False), ("gauge", True)])
async def test_a_type_label_says_more_than_a_name(type_label: str, has_info: bool) -> None:
    where = MemoryStorage({labels_of({"__name__": "a", "__type__": type_label}): line([1.0, 2.0])})
    result = await answered("rate(a[5m])", where, MINUTE)
    assert bool(result.annotations.infos) == has_info


async def test_forced_buckets_are_told_once_for_all_times() -> None:
    buckets = {("0.1", 2.0), ("1", 1.0), ("+Inf", 3.0)}
    where = MemoryStorage({labels_of({"__name__": "b", "le": le}): line([n, n * 2]) for le, n in buckets})
    result = await answered("histogram_quantile(0.5, b)", where, 0, MINUTE, MINUTE)
    (info,) = result.annotations.infos
    assert info.endswith(
        'for metric name "b", from buckets 1 to 1, with a max diff of 2, over 2 samples '
        "from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z (1:25)"
    )


async def test_range_queries_answer_in_the_order_of_labels_and_instant_ones_in_their_own() -> None:
    where = storage(a=[1.0], b=[3.0], c=[2.0])
    instant = await answered('sort_desc({__name__=~"."})', where)
    ranged = await answered('sort_desc({__name__=~"."})', where, 0, MINUTE, MINUTE)
    assert [labels[0][1] for labels in numbers(instant)] == ["b", "c", "a"]
    assert [labels[0][1] for labels in numbers(ranged)] == ["a", "b", "c"]


async def test_a_range_selector_answers_with_samples() -> None:
    result = await answered("a[2m] offset 1m", storage(a=[1.0, 2.0, STALE, 4.0], b=[1.0]), 4 * MINUTE)
    assert isinstance(result.value, Samples)
    assert result.value.times.tolist() == [3 * MINUTE]
    assert result.value.values.tolist() == [4.0]


async def test_a_subquery_answers_with_samples_at_multiples_of_its_step() -> None:
    result = await answered("abs(a)[90s:30s]", storage(a=[-1.0, -2.0]), 70_000)
    assert isinstance(result.value, Samples)
    assert result.value.times.tolist() == [0, 30_000, 60_000]
    assert result.value.values.tolist() == [1.0, 1.0, 2.0]
    assert result.value.labels == [()]


async def test_an_anchored_range_selector_shows_its_ends() -> None:
    where = MemoryStorage({labels_of({"__name__": "a"}): Line({10_000: 1.0, 70_000: 7.0, 100_000: 10.0})})
    anchored = await answered("a[1m] anchored", where, 90_000)
    smoothed = await answered("a[1m] smoothed", where, 90_000)
    assert isinstance(anchored.value, Samples)
    assert isinstance(smoothed.value, Samples)
    assert anchored.value.times.tolist() == smoothed.value.times.tolist() == [30_000, 70_000, 90_000]
    assert anchored.value.values.tolist() == [1.0, 7.0, 7.0]
    assert smoothed.value.values.tolist() == [3.0, 7.0, 9.0]


async def test_strings_and_scalars_are_answers_too() -> None:
    assert (await answered('"up"', storage())).value == Text("up")
    scalar = (await answered("time() * 2", storage(), 0, 2 * MINUTE, MINUTE)).value
    assert isinstance(scalar, Scalar)
    assert scalar.values.tolist() == [0.0, 120.0, 240.0]


async def test_many_series_are_computed_some_at_a_time_with_the_same_answer() -> None:
    names = [f"{n:02}" for n in range(20)]
    where = MemoryStorage(
        {labels_of({"__name__": "a_total", "n": name}): line([n, n * 3]) for n, name in enumerate(names)}
    )
    end = MINUTE + BLOCK // 8
    together = numbers(await answered("increase(a_total[2m1s])", where, MINUTE, end, 1))
    for name in names:
        alone = numbers(await answered(f'increase(a_total{{n="{name}"}}[2m1s])', where, end))
        assert together[labels_of({"n": name})][-1:] == alone[labels_of({"n": name})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('label_replace(a, "b", "$1", "c", "(")', "invalid regular expression in label_replace(): ("),
        ('label_replace(a, "", "$1", "c", "")', "invalid destination label name in label_replace(): "),
        ("double_exponential_smoothing(a[5m], 0, 0.1)", "invalid smoothing factor. Expected: 0 < sf < 1, got: 0.000000"),
        ("topk(1e20, a)", "Scalar value 1e+20 overflows int64"),
        ("a * on() {__name__=~'.'}", ("found duplicate series for the match group {} on the right hand-side of the operation: "
         '[{__name__="a"}, {__name__="b"}];many-to-many matching not allowed: matching labels must be unique on one side')),
        ("{__name__=~'.'} * on() a", "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"),
        ("{__name__=~'.'} * on() group_left() a", "multiple matches for labels: grouping labels must ensure unique matches"),
        ("-{__name__=~'.'}", "vector cannot contain metrics with the same labelset"),
    ],
)  # fmt: skip
async def test_what_cannot_be_answered_says_so_in_prometheus_words(text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        await answered(text, storage(a=[1.0], b=[2.0]))
    assert error.value.message == message
    assert error.value.code == "promql.execution"
