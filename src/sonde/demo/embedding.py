"""Text embeddings with no downloaded weights: TF-IDF, then a truncated SVD (latent semantic analysis), in numpy.

``fit`` learns an ``Embedder`` from a corpus in milliseconds; ``Embedder.embed`` turns texts into unit vectors whose dot
product is their cosine similarity. The provider serves it as ``/v1/embeddings``.

Reference: Deerwester et al., "Indexing by latent semantic analysis", 1990.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

_WORD = re.compile(r"[a-z0-9]+(?:\.[0-9]+)?")
# fmt: off
_STOP_WORDS = frozenset({
    "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from",
    "get", "has", "have", "how", "i", "if", "in", "is", "it", "its", "may", "me", "my", "no", "not", "of", "on", "or",
    "our", "should", "so", "some", "such", "that", "the", "their", "them", "there", "they", "this", "to", "was", "we",
    "what", "when", "where", "which", "while", "who", "will", "with", "would", "you", "your",
})
# fmt: on
_SUFFIXES = ("ations", "ation", "ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "s", "y", "e")


def terms(text: str) -> list[str]:
    """The words of ``text`` that carry meaning, cut to a rough stem.

    >>> terms("How do I return the shoes?")
    ['return', 'sho']
    """
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS]


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


@dataclass(frozen=True, slots=True, eq=False)
class Embedder:
    """A fitted model: which column a term has, what it weighs, and the basis its vectors are projected onto."""

    columns: dict[str, int]
    weights: Vectors
    basis: Vectors

    @property
    def dimensions(self) -> int:
        """The length of each vector."""
        return int(self.basis.shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text, in its order; a text of unknown words only gets the zero vector, near to nothing."""
        return _unit(_tf_idf(texts, self.columns, self.weights) @ self.basis)


def fit(corpus: Sequence[str], dimensions: int) -> Embedder:
    """Learn an embedder from ``corpus``. It has ``dimensions`` dimensions, or fewer if the corpus has fewer texts."""
    document_count = Counter(term for text in corpus for term in set(terms(text)))
    columns = {term: column for column, term in enumerate(sorted(document_count))}
    weights = np.array([1.0 + math.log(len(corpus) / document_count[term]) for term in columns], dtype=np.float32)
    matrix = _tf_idf(corpus, columns, weights)
    _, _, right = np.linalg.svd(matrix, full_matrices=False)
    return Embedder(columns, weights, np.ascontiguousarray(right[:dimensions].T))


def _tf_idf(texts: Sequence[str], columns: dict[str, int], weights: Vectors) -> Vectors:
    matrix = np.zeros((len(texts), len(columns)), dtype=np.float32)
    for row, text in enumerate(texts):
        for term, count in Counter(_known(terms(text), columns)).items():
            column = columns[term]
            matrix[row, column] = (1.0 + math.log(count)) * weights[column]
    return _unit(matrix)


def _known(words: Iterable[str], columns: dict[str, int]) -> list[str]:
    return [word for word in words if word in columns]


def _unit(matrix: Vectors) -> Vectors:
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.where(lengths == 0, 1, lengths), dtype=np.float32)
