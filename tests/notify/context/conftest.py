"""A store of its own for each module, as for queries."""

from tests.query.conftest import client, empty_store, store

__all__ = ["client", "empty_store", "store"]
