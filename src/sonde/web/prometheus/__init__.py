"""Prometheus' HTTP API at ``/prometheus``, so that Grafana, promtool and all other clients work on the store.

Specification: https://prometheus.io/docs/prometheus/latest/querying/api/ (as of Prometheus 3.14). A form is read
(``form``, ``times``, ``selector``), answered by an endpoint (``query``, ``series``, ``status``, ``targets``, ``rules``,
``admin``, ``federate``, ``lifecycle``) and written (``json``, ``answer``); ``errors`` speaks as Prometheus does.
"""

from sonde.web.prometheus.configured import Configured
from sonde.web.prometheus.install import install

__all__ = ["Configured", "install"]
