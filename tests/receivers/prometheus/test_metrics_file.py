"""Files of metrics as remote write requests: cut anywhere, they say the same."""

from __future__ import annotations

import io
from typing import Any

import pytest

from sonde.errors import UserError
from sonde.receivers.prometheus.messages import Request
from sonde.receivers.prometheus.metrics_file import is_openmetrics, read_pieces
from sonde.receivers.prometheus.write_check import check
from sonde.receivers.prometheus.write_labels import KnownLabels

NOW = 1_795_000_000_000
OPENMETRICS = b"""# HELP http_requests Answers, by code.
# TYPE http_requests counter
# UNIT http_requests requests
http_requests_total{code="200"} 1 1700000000
http_requests_total{code="200"} 2 1700000015.5
http_requests_total{code="500"} 3 1700000000 # {trace_id="0af7651916cd43dd8448eb211c80319c"} 0.5 1699999999
# TYPE temperature gauge
temperature 20.5
# EOF
"""
TEXT = b"""# HELP up Is it.
# TYPE up gauge
up{job="a"} 1 1700000000000
up{job="b"} NaN

# TYPE wait summary
wait{quantile="0.5"} 0.1
wait_sum 12
"""

Sample = tuple[dict[str, str], float, int]


def read(file: bytes, **options: Any) -> tuple[list[str], list[str]]:
    """Samples and exemplars as lines, and metadata; every request passes the check."""
    samples, metadata = [], set()
    opened = io.BytesIO(file)
    for piece in read_pieces(opened, openmetrics=is_openmetrics(opened), now_milli=NOW, **options):
        assert check(2, piece.request, KnownLabels()).message == ""
        request = Request.FromString(piece.request)
        for series in request.timeseries:
            labels = labels_of(request, series.labels_refs)
            samples += [f"{labels} {sample.value} @{sample.timestamp}" for sample in series.samples]
            samples += [
                f"{labels} # {labels_of(request, each.labels_refs)} {each.value} @{each.timestamp}"
                for each in series.exemplars
            ]
            about = series.metadata
            metadata.add(
                f"{labels['__name__']} {about.type} {request.symbols[about.help_ref]}|{request.symbols[about.unit_ref]}"
            )
    return sorted(samples), sorted(metadata)


def labels_of(request: Any, references: Any) -> dict[str, str]:
    return {
        request.symbols[name]: request.symbols[value]
        for name, value in zip(references[::2], references[1::2], strict=True)
    }


def test_openmetrics() -> None:
    samples, metadata = read(OPENMETRICS)
    assert samples == [
        "{'__name__': 'http_requests_total', 'code': '200'} 1.0 @1700000000000",
        "{'__name__': 'http_requests_total', 'code': '200'} 2.0 @1700000015500",
        "{'__name__': 'http_requests_total', 'code': '500'} # {'trace_id': '0af7651916cd43dd8448eb211c80319c'} 0.5 @1699999999000",
        "{'__name__': 'http_requests_total', 'code': '500'} 3.0 @1700000000000",
        f"{{'__name__': 'temperature'}} 20.5 @{NOW}",
    ]
    assert metadata == ["http_requests_total 1 Answers, by code.|requests", "temperature 2 |"]


def test_the_text_format() -> None:
    samples, metadata = read(TEXT)
    assert samples == [
        "{'__name__': 'up', 'job': 'a'} 1.0 @1700000000000",
        f"{{'__name__': 'up', 'job': 'b'}} nan @{NOW}",
        f"{{'__name__': 'wait', 'quantile': '0.5'}} 0.1 @{NOW}",
        f"{{'__name__': 'wait_sum'}} 12.0 @{NOW}",
    ]
    assert metadata == ["up 2 Is it.|", "wait 5 |", "wait_sum 5 |"]


@pytest.mark.parametrize("file", [OPENMETRICS, TEXT])
@pytest.mark.parametrize("piece_bytes", [1, 40, 100, 200])
def test_a_file_in_pieces_says_the_same(file: bytes, piece_bytes: int) -> None:
    assert read(file, piece_bytes=piece_bytes) == read(file)


def test_an_empty_file_has_no_pieces() -> None:
    assert read(b"") == ([], [])
    assert read(b"# EOF\n") == ([], [])


WRONG = {
    "no value": (b"# TYPE up gauge\nup 1\nup\n", (3, 3)),
    "no time": (b"up 1 soon\n", (1, 6)),
    "no label": (b"up 1\nup 1\nup{job=} 1\n", (3, 8)),
    "behind the end": (b"up 1\n# EOF\nup 2\n# EOF\n", (3, 1)),
}


@pytest.mark.parametrize(("file", "position"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("piece_bytes", [1, 1000])
def test_an_error_names_its_place_in_the_file(file: bytes, position: tuple[int, int], piece_bytes: int) -> None:
    with pytest.raises(UserError) as raised:
        read(file, piece_bytes=piece_bytes)
    assert raised.value.position == position
