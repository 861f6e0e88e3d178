"""What is new in merged parts is told by the parts that went into them, and never later than it is."""

from __future__ import annotations

import pytest

from sonde.query.promql.clickhouse.parts import Listing, Part, part_of
from sonde.query.promql.clickhouse.resident_news import Content, news_begin

DAY = "20261121"


def part(name: str, day: str = DAY) -> Part:
    return part_of("samples", f"{day}_{name}")


CONTENTS = {
    part("1_1_0"): Content(10, 100),
    part("2_2_0"): Content(20, 200),
    part("4_4_0"): Content(40, 50),
    part("1_2_1"): Content(30, 100),
    part("1_4_2"): Content(70, 50),
    part("5_5_0"): Content(5, 900),
}

CASES: list[tuple[str, list[str], list[str], dict[Part, Content], int | None]] = [
    ("a part of its own", ["5_5_0"], ["1_4_2"], {}, 900),
    ("a new block beside a known one", ["1_2_1"], ["1_1_0"], {}, 200),
    ("a late sample in a new block, over a gap", ["1_4_2"], ["1_2_1"], {}, 50),
    ("several new blocks", ["1_4_2"], ["2_2_0"], {}, 50),
    ("several parts", ["1_2_1", "5_5_0"], ["1_1_0"], {}, 200),
    ("rows that do not add up", ["1_2_1"], ["1_1_0"], {part("1_2_1"): Content(31, 100)}, None),
    ("a part that is not listed any more", ["1_4_2"], ["4_4_0", "1_1_0"], {part("2_2_0"): Content(0, 0)}, None),
    ("a part that nobody has listed", ["1_9_3"], ["1_4_2"], {}, None),
    ("a part after a delete", ["1_2_1_7"], ["1_1_0"], {}, None),
    ("blocks of another day", ["1_2_1"], [], {part("1_1_0", "20261120"): Content(1, 1)}, 100),
]


@pytest.mark.parametrize(
    ("unknown", "before", "also", "begin"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_news_begin(unknown: list[str], before: list[str], also: dict[Part, Content], begin: int | None) -> None:
    listing = Listing(frozenset(map(part, before)))
    assert news_begin([part(name) for name in unknown], listing, {**CONTENTS, **also}) == begin
