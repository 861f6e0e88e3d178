"""``scraper``: a job that reads the supplier's page every half minute and brings the shop's shelf up to date.

``page.py`` reads the HTML and compares, ``job.py`` is one run with its spans, logs and metrics.
"""
