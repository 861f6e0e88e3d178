"""Alerts to Alertmanagers elsewhere, as Prometheus' ``alerting`` section wants it.

``alerting_config`` reads the section. ``sender`` takes alerts from rules; for each Alertmanager section of the file an
``alertmanager_set`` relabels them and finds its Alertmanagers (``endpoint``), each of which has a queue and whoever
empties it (``send_loop``). ``payload`` is an alert as it goes over the wire, ``delivery`` what became of it, ``counts``
what ``/metrics`` says. ``several`` tells our own pipeline and Alertmanagers elsewhere of the same alerts.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#alertmanager_config
"""
