"""Label names as they stand in paths: those with characters that a path or an older client cannot say are escaped.

Specification: https://prometheus.io/docs/instrumenting/escaping_schemes/#value-encoding-escaping
"""

from __future__ import annotations

import re
from typing import Final

_PREFIX: Final = "U__"
_PARTS: Final = re.compile(r"(?:[^_]|__|_[0-9a-fA-F]{0,6}_)*")
_PART: Final = re.compile(r"__|_([0-9a-fA-F]{1,6})_")


def unescaped(name: str) -> str:
    """The name that ``U__…`` means; a name that is not escaped, or wrongly, stays as it is.

    >>> unescaped("U__http_2e_status__code"), unescaped("job"), unescaped("U__broken_2e")
    ('http.status_code', 'job', 'U__broken_2e')
    """
    body = name.removeprefix(_PREFIX)
    if body == name or not _PARTS.fullmatch(body):
        return name
    codes = [int(found[1], 16) for found in _PART.finditer(body) if found[1]]
    if any(code > 0x10FFFF or 0xD800 <= code <= 0xDFFF for code in codes):
        return name
    return _PART.sub(lambda found: chr(int(found[1], 16)) if found[1] else "_", body)
