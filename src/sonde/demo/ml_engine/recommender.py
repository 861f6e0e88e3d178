"""Matrix factorisation for implicit feedback, by alternating least squares in numpy; and how good it is.

Reference: Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", 2008.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sonde.demo.catalog import CATEGORIES, PRODUCTS, USER_IDS

Matrix = npt.NDArray[np.float64]

_FACTORS = 8
_SWEEPS = 6
_CONFIDENCE = 12.0
_REGULARISATION = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """Who bought what, as a 0/1 matrix of users × products, and one product a user that was kept aside."""

    bought: Matrix
    held_out: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Recommender:
    """Vectors of users and products; the dot product of two says how much the one would like the other."""

    users: Matrix
    products: Matrix

    def embed(self, purchases: Matrix) -> Matrix:
        """The vector of a user with these purchases (a row of 0/1), also of one that training has not seen."""
        vector: Matrix = _solve(purchases[None, :], self.products)[0]
        return vector

    def nearest(self, vector: Matrix, count: int, purchases: Matrix) -> list[tuple[int, float]]:
        """The ``count`` products nearest to a user's vector and not among the purchases, best first, with scores."""
        scores = np.where(purchases > 0, -np.inf, self.products @ vector)
        best = np.argpartition(-scores, count)[:count]
        return [(int(item), float(scores[item])) for item in best[np.argsort(-scores[best], kind="stable")]]


@dataclass(frozen=True, slots=True)
class Quality:
    """Ranking quality at 5 over the products kept aside: one relevant product a user."""

    ndcg: float
    recall: float
    mrr: float


def synthesise(seed: int) -> Interactions:
    """Purchases of people who each like two categories; another seed gives another month of the same people."""
    tastes = np.random.default_rng(0).dirichlet(np.full(len(CATEGORIES), 0.25), size=len(USER_IDS))
    category = np.array([CATEGORIES.index(product.category) for product in PRODUCTS])
    popularity = np.random.default_rng(1).lognormal(0, 0.9, size=len(PRODUCTS))
    rng = np.random.default_rng(seed)
    weights = (tastes[:, category] + 0.01) * popularity
    weights /= weights.sum(axis=1, keepdims=True)
    bought = np.zeros(weights.shape)
    held_out = np.zeros(len(USER_IDS), dtype=np.int64)
    for user, chances in enumerate(weights):
        chosen = rng.choice(len(PRODUCTS), size=int(rng.integers(5, 11)), replace=False, p=chances)
        held_out[user] = chosen[-1]
        bought[user, chosen[:-1]] = 1.0
    return Interactions(bought, held_out)


def factorise(bought: Matrix, seed: int) -> Recommender:
    """Learn vectors of users and products from purchases."""
    rng = np.random.default_rng(seed)
    users = rng.normal(0, 0.1, size=(bought.shape[0], _FACTORS))
    products = rng.normal(0, 0.1, size=(bought.shape[1], _FACTORS))
    for _ in range(_SWEEPS):
        users = _solve(bought, products)
        products = _solve(bought.T, users)
    return Recommender(users, products)


def evaluate(model: Recommender, interactions: Interactions) -> Quality:
    """How far up the products kept aside are ranked among those that the user did not buy."""
    scores = np.where(interactions.bought > 0, -np.inf, model.users @ model.products.T)
    wanted = np.take_along_axis(scores, interactions.held_out[:, None], axis=1)
    ranks = (scores > wanted).sum(axis=1)
    return Quality(
        ndcg=float(np.mean(np.where(ranks < 5, 1 / np.log2(ranks + 2), 0.0))),
        recall=float(np.mean(ranks < 5)),
        mrr=float(np.mean(1 / (ranks + 1))),
    )


def invalid_rows(bought: Matrix) -> int:
    """How many users' rows cannot be learnt from: no purchase at all, or a value that is not a number."""
    return sum(1 for row in bought if not math.isfinite(row.sum()) or row.sum() == 0)


def _solve(bought: Matrix, fixed: Matrix) -> Matrix:
    """One half sweep: the vectors of the rows, while those of the columns stay ``fixed``."""
    gram = fixed.T @ fixed + _REGULARISATION * np.eye(_FACTORS)
    solved = np.empty((bought.shape[0], _FACTORS))
    for row, items in enumerate(bought):
        chosen = fixed[items > 0]
        solved[row] = np.linalg.solve(gram + _CONFIDENCE * chosen.T @ chosen, (1 + _CONFIDENCE) * chosen.sum(axis=0))
    return solved
