"""The built UI: its files from memory, compressed once; every address of a page answers with the page's one document.

Files below ``assets/`` carry a hash of their content in their names and are kept by browsers for a year; all else is
asked for again each time, and answered 304 while it is the same.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_INDEX: Final = "index.html"
_COMPRESSIBLE: Final = (".js", ".css", ".html", ".svg", ".json", ".txt", ".map", ".webmanifest")
_HASHED: Final = "public, max-age=31536000, immutable"
_REVALIDATED: Final = "no-cache"
_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sonde</title>
<h1>Sonde is running; its pages are not built yet</h1>
<p>Run <code>make ui</code> in the source tree, then reload this page. Everything else works:
<a href="/docs">the HTTP API</a>, <a href="/readyz">/readyz</a>, <a href="/metrics">/metrics</a>.</p></html>
"""


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    compressed: bytes | None
    media_type: str
    etag: str
    cache_control: str


class Site:
    """The files of a folder as they were when it was made."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
        self._files = {path.relative_to(folder).as_posix(): _read(path, folder) for path in paths}

    def answer(self, request: Request, path: str) -> Response:
        """The file of that path, the page's document for the path of a page, or 404 for a file that is missing."""
        file = self._files.get(path)
        if file is None and (path.startswith("assets/") or "." in path.rpartition("/")[2]):
            return HTMLResponse("<h1>404</h1><p>There is no such file.</p>", status_code=404)
        file = file or self._files.get(_INDEX)
        if file is None:
            return HTMLResponse(_NOT_BUILT, status_code=503, headers={"cache-control": "no-store"})
        headers = {"etag": file.etag, "cache-control": file.cache_control, "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        content = file.content
        if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["content-encoding"] = file.compressed, "gzip"
        return Response(content, media_type=file.media_type, headers=headers)


def _read(path: Path, folder: Path) -> _File:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    small = gzip.compress(content, 9, mtime=0) if path.suffix in _COMPRESSIBLE else None
    hashed = path.relative_to(folder).parts[0] == "assets"
    return _File(
        content=content,
        compressed=small if small is not None and len(small) < len(content) else None,
        media_type=media_type,
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        cache_control=_HASHED if hashed else _REVALIDATED,
    )
