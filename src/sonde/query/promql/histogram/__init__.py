"""Native histograms: what one is (``native``), its arithmetic, and what is asked of it."""
