"""Rows of an answer as text: a table for people, JSON, CSV and TSV for programs."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from typing import TextIO

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TSV_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def printable(text: str) -> str:
    r"""Text that cannot steer a terminal: telemetry is written by anybody.

    >>> printable("\x1b[2Jgone")
    '\\x1b[2Jgone'
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def write_rows(out: TextIO, form: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write rows as ``table``, ``json`` (objects), ``csv`` or ``tsv`` (ClickHouse's TabSeparatedWithNames)."""
    match form:
        case "json":
            objects = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows)
            out.write("[" + ",\n ".join(objects) + "]\n")
        case "csv":
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(names)
            writer.writerows([["" if value is None else _text(value) for value in row] for row in rows])
        case "tsv":
            out.writelines("\t".join(map(_tsv_cell, row)) + "\n" for row in (names, *rows))
        case _:
            _write_table(out, names, rows)


def _write_table(out: TextIO, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their widest value, numbers to the right, no frame: it can be cut, sorted and pasted."""
    cells = [
        ["NULL" if value is None else printable(_text(value).translate(_TSV_ESCAPES)) for value in row] for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    numeric = [
        bool(rows) and all(isinstance(row[i], int | float) and not isinstance(row[i], bool) for row in rows)
        for i in range(len(names))
    ]
    for line in ([*names], ["-" * width for width in widths], *cells):
        aligned = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        )
        out.write("  ".join(aligned).rstrip() + "\n")


def _tsv_cell(value: object) -> str:
    return "\\N" if value is None else _text(value).translate(_TSV_ESCAPES)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
