"""Alertmanager's HTTP API at ``/alertmanager``, so that Prometheus servers, amtool and Grafana work on Sonde's alerts.

Specification: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (as of 0.28). A request is read
by ``question``, answered by an endpoint (``alerts``, ``silences``, ``status``, ``lifecycle``), written by ``document``.
"""

from sonde.web.alertmanager.configured import Alertings, Configured
from sonde.web.alertmanager.install import install

__all__ = ["Alertings", "Configured", "install"]
