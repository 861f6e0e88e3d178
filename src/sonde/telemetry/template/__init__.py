"""Go's text/template and html/template: what annotations, notifications and ``line_format`` are written in."""

from sonde.telemetry.template.limits import Limits
from sonde.telemetry.template.source import FunctionError, TemplateError
from sonde.telemetry.template.template import MissingKey, Template, TemplateSet, parse
from sonde.telemetry.template.values import HTML, StringMap, Strings, Struct

__all__ = [
    "HTML",
    "FunctionError",
    "Limits",
    "MissingKey",
    "StringMap",
    "Strings",
    "Struct",
    "Template",
    "TemplateError",
    "TemplateSet",
    "parse",
]
