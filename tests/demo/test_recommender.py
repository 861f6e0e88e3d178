"""The recommender learns something."""

from __future__ import annotations

import numpy as np
import pytest

from sonde.demo.ml_engine.recommender import Recommender, evaluate, factorise, invalid_rows, synthesise


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_trained_model_ranks_far_better_than_chance(seed):
    interactions = synthesise(seed)
    rng = np.random.default_rng(seed)
    users, products = interactions.bought.shape
    chance = evaluate(Recommender(rng.normal(size=(users, 8)), rng.normal(size=(products, 8))), interactions)
    learnt = evaluate(factorise(interactions.bought, seed), interactions)
    assert learnt.ndcg > 1.5 * chance.ndcg
    assert learnt.recall > 1.5 * chance.recall
    assert 0 < learnt.mrr < 1


def test_what_was_bought_is_not_recommended_again():
    bought = synthesise(1).bought
    model = factorise(bought, 1)
    for purchases in bought:
        rows = [row for row, _ in model.nearest(model.embed(purchases), 5, purchases)]
        assert not purchases[rows].any()


def test_rows_that_nothing_can_be_learnt_from_are_counted():
    bought = synthesise(1).bought.copy()
    bought[3] = 0
    bought[5, 0] = np.nan
    assert invalid_rows(bought) == 2
