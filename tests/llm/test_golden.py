"""Every case of the golden corpus becomes the call that stands beside it."""

from __future__ import annotations

import os

import pytest

from sonde.llm.prices import Prices
from tests.llm.corpus import FOLDER, case_span, load, outcome, save

FILES = sorted(FOLDER.glob("*.json"))
CASES = [(path, index) for path in FILES for index in range(len(load(path)["cases"]))]
REWRITE = os.environ.get("SONDE_GOLDEN") == "rewrite"
EXPECTED = ("call", "cost", "previews", "messages")


@pytest.fixture(scope="module")
def prices() -> Prices:
    return Prices()


@pytest.mark.parametrize(
    "path, index", CASES, ids=[f"{path.stem}: {load(path)['cases'][index]['case']}" for path, index in CASES]
)
def test_the_span_becomes_the_call_beside_it(path, index, prices):
    content = load(path)
    case = content["cases"][index]
    found = outcome(case_span(case), prices)
    if REWRITE:
        content["cases"][index] = {key: value for key, value in case.items() if key not in EXPECTED} | found
        save(path, content)
    else:
        assert found == {key: case[key] for key in EXPECTED if key in case}
