"""The corpus and its embeddings: whether the passage that answers a question is found."""

from __future__ import annotations

import numpy as np
import pytest

from sonde.demo.corpus import PASSAGES, QUESTIONS
from sonde.demo.embedding import Embedder, fit
from sonde.demo.provider.app import EMBEDDING_DIMENSIONS


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return fit([passage.searchable for passage in PASSAGES], EMBEDDING_DIMENSIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.passage_id)
def test_the_right_passage_is_among_the_first_three(embedder, question):
    vectors = embedder.embed([passage.searchable for passage in PASSAGES])
    scores = vectors @ embedder.embed([question.text])[0]
    assert question.passage_id in [PASSAGES[row].id for row in np.argsort(-scores)[:3]]


def test_passage_ids_are_unique():
    assert len({passage.id for passage in PASSAGES}) == len(PASSAGES)


def test_a_text_of_unknown_words_is_near_to_nothing(embedder):
    assert not embedder.embed(["xyzzy plugh"]).any()
