"""The leaves: samples out of the store, out of memory or out of rollups (``storage``), and the catalog of series."""
