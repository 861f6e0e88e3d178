"""What may be shown of a URL that stands in a file: where it leads. All else of it is a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sonde.errors import UserError
from sonde.notify.configuration.values import checked_url
from sonde.notify.notifiers.secret import revealed


def target_of(file: Path) -> dict[str, Any]:
    """The host, with its port, or why there is none; reads the file, as each call does.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"https://me:pw@hooks.example.org:8443/services/T0/abc?sig=1"), file.flush()
    ...     target_of(Path(file.name))
    {'host': 'hooks.example.org:8443', 'problem': ''}
    >>> target_of(Path("/nowhere"))
    {'host': None, 'problem': 'read url_file: /nowhere: No such file or directory'}
    """
    try:
        url = checked_url(revealed(None, file, "url_file"))
    except UserError as error:
        return {"host": None, "problem": error.message}
    except ValueError:  # its text has the URL in it
        return {"host": None, "problem": f"{file} has no URL of http or https"}
    return {"host": urlsplit(url).netloc.rpartition("@")[2], "problem": ""}
