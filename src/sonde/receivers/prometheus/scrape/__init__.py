"""Prometheus' scraping: what discovery found is asked for its metrics, and what it says goes to the ``Consumer``.

``scraper`` is the way in; a ``pool`` is one job, a ``loop`` one target on its clock, a ``cycle`` what is done with one
body.
"""
