"""ClickHouse's HTTP interface at ``/clickhouse``, so that SQL tools and clients work on the embedded store too.

Specification: https://clickhouse.com/docs/interfaces/http A request is read (``request``), admitted and executed
(``endpoint``) and answered; ``errors`` speaks as ClickHouse does.
"""

from sonde.web.clickhouse.endpoint import Endpoint, install, writable_app

__all__ = ["Endpoint", "install", "writable_app"]
