"""A file of objectives, in OpenSLO or in the short form: text in, objectives out."""

from __future__ import annotations

from typing import Final

import yaml

from sonde.rules.slo.document import Reader, documents, refuse
from sonde.rules.slo.objective import Objective
from sonde.rules.slo.openslo import API_VERSION, read_openslo
from sonde.rules.slo.short_form import read_short_form

_VERSION: Final = "apiVersion"


def read_objectives(text: str) -> tuple[Objective, ...]:
    """The objectives of a file.

    >>> read_objectives("slos: [{name: a, service: shop, objective: 99.9, window: 30d, bad: b, totl: c}]")
    Traceback (most recent call last):
    sonde.errors.UserError: 1:71: field totl not found in type objective
      1:8: an objective has good and total, bad and total, error_ratio, or latency; here is bad [slo.file]

    Raises:
        UserError: Something is wrong; the message has a line for each problem.
    """
    reader = Reader()
    openslo: list[yaml.Node] = []
    found: list[Objective] = []
    for root in documents(text):
        version = reader.mapping(root, "file of objectives").get(_VERSION)
        if version is None:
            found += read_short_form(reader, root)
        elif reader.text(version) == API_VERSION:
            openslo.append(root)
        else:
            reader.wrong(version, f"{reader.text(version)} is not {API_VERSION}, the version that is read here")
    found += read_openslo(reader, openslo)
    refuse(reader.problems)
    return tuple(found)
