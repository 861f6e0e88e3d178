"""The forms in which commands write rows."""

from __future__ import annotations

import enum


class Format(enum.StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    TSV = "tsv"
