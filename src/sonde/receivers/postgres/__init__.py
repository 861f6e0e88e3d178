"""A PostgreSQL, with the names of prometheus-community's postgres_exporter: statistics views in, families out.

``queries`` and ``tables`` are what is asked, as tables of SQL and metrics; ``read`` turns rows into families,
``settings`` is the one view whose names are data, ``collector`` connects and runs them.

The original: https://github.com/prometheus-community/postgres_exporter
"""
