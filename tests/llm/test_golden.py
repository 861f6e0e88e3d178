"""Every case of the golden corpus becomes the call that stands beside it."""

from __future__ import annotations

import pytest
from tests.llm.corpus import FOLDER, case_span, load, outcome, save

from sonde.llm.normalise import CANDIDATE_KEYS
from sonde.llm.prices import Prices

FILES = sorted(FOLDER.glob("*.json"))
CASES = {
    f"{path.stem}: {case['case']}": (path, index) for path in FILES for index, case in enumerate(load(path)["cases"])
}
EXPECTED = ("call", "cost", "previews", "messages")


@pytest.fixture(scope="module")
def prices() -> Prices:
    return Prices()


@pytest.mark.parametrize(("path", "index"), CASES.values(), ids=CASES)
def test_the_span_becomes_the_call_beside_it(path, index, prices, request):
    content = load(path)
    case = content["cases"][index]
    found = outcome(case_span(case), prices)
    if request.config.getoption("--golden"):
        content["cases"][index] = {key: value for key, value in case.items() if key not in EXPECTED} | found
        save(path, content)
    else:
        assert found == {key: case[key] for key in EXPECTED if key in case}


@pytest.mark.parametrize(("path", "index"), CASES.values(), ids=CASES)
def test_every_call_has_a_candidate_key_of_type_string(path, index):
    case = load(path)["cases"][index]
    strings = {key for key, value in case["span"]["attributes"].items() if isinstance(value, str)}
    assert case["call"] is None or not CANDIDATE_KEYS.isdisjoint(strings)
