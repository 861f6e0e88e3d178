"""Rule groups by HTTP, in the public shape of Mimir's and Loki's rulers.

In their order: ``configured`` is what the endpoints are given, ``place`` which namespace and group a path names,
``group_text`` reads what is put, ``rules`` answers, ``logql`` refuses what is LogQL, ``answer`` words it all.

Specification: https://grafana.com/docs/mimir/latest/references/http-api/#ruler
"""

from sonde.web.ruler.configured import Configured, Ruler, RulerLimits
from sonde.web.ruler.install import install

__all__ = ["Configured", "Ruler", "RulerLimits", "install"]
