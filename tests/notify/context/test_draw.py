"""Graphs by what is seen in them: size, curves, the threshold's colour and place; never by bytes."""

from __future__ import annotations

import io
import zoneinfo

import numpy as np
import pytest
from PIL import Image

from sonde.notify.context.draw import HEIGHT, THRESHOLD_COLOUR, WIDTH, Line, Picture, draw
from sonde.notify.context.graph_plan import Threshold

TIMES = 1_700_000_000.0 + np.arange(0, 3601, 30)
BLUE = (29, 99, 214)


def pixels(picture, **options):
    image = Image.open(io.BytesIO(draw(picture, **options)))
    assert image.format == "PNG"
    assert image.size == (WIDTH, HEIGHT)
    return np.asarray(image.convert("RGBA")).astype(int)


def rows_with(image, colour, near=40):
    """The rows in which a colour is found, in the area of the curves."""
    close = (np.abs(image[58:200, 60:, :3] - np.array(colour)) < near).all(axis=2)
    return np.flatnonzero(close.sum(axis=1) > 50) + 58


def one(values, threshold=None, since=0.0, name=""):
    return Picture("HighErrorRate", "errors", TIMES, (Line(name, np.array(values, dtype=float)),), threshold, since)


def test_the_threshold_is_a_red_line_where_its_value_is():
    image = pixels(one(np.linspace(0, 10, TIMES.size), Threshold(">", 5.0)))
    rows = rows_with(image, THRESHOLD_COLOUR)
    assert 1 <= rows.size <= 3
    top, bottom = 57, HEIGHT - 24
    assert abs(rows.mean() - (top + bottom) / 2) < 3


def test_without_a_threshold_nothing_is_red():
    assert not rows_with(pixels(one(np.full(TIMES.size, 4.0))), THRESHOLD_COLOUR).size


def test_a_larger_value_is_drawn_higher():
    low = rows_with(pixels(one([2.0] * TIMES.size, Threshold(">", 10.0))), BLUE)
    high = rows_with(pixels(one([8.0] * TIMES.size, Threshold(">", 10.0))), BLUE)
    assert low.size
    assert high.size
    assert high.max() < low.min()


def test_where_there_are_no_values_there_is_no_curve():
    values = np.full(TIMES.size, 3.0)
    values[40:80] = np.nan
    image = pixels(one(values))
    close = (np.abs(image[52:220, :, :3] - np.array(BLUE)) < 40).all(axis=2).any(axis=0)
    assert close[60:200].all()
    assert not close[260:400].any()


def test_since_when_it_fires_is_shaded():
    image = pixels(one([1.0] * TIMES.size, since=float(TIMES[60])))
    shade = (image[100, :, 0] > 250) & (image[100, :, 1] < 245)
    assert not shade[60:300].any()
    assert shade[380:620].all()


def test_the_card_has_transparent_corners_and_is_opaque_within():
    image = pixels(one([1.0] * TIMES.size))
    assert image[0, 0, 3] == 0
    assert image[20:220, 20:620, 3].min() == 255


@pytest.mark.parametrize(
    "values",
    [
        [0.0] * TIMES.size,
        [-1e-9] * TIMES.size,
        [1e300, -1e300] * (TIMES.size // 2) + [0.0],
        [np.inf] + [1.0] * (TIMES.size - 1),
        [np.nan] * (TIMES.size - 1) + [7.0],
        [1e15 + place for place in range(TIMES.size)],
        [5.0] + [5.0 + 1e-15] * (TIMES.size - 1),
    ],
)
def test_strange_values_are_drawn_all_the_same(values):
    assert (pixels(one(values))[52:220, 60:630, :3] < 200).any()


def test_long_and_foreign_texts_fit():
    lines = tuple(Line(f"Köln/Ж/中 {place} " + "x" * 200, np.full(TIMES.size, place)) for place in range(8))
    picture = Picture("Ж" * 300, "sum(" * 200, TIMES, lines, Threshold("<", 3.0), hidden=1000)
    image = pixels(picture, zone=zoneinfo.ZoneInfo("Asia/Kolkata"))
    # nothing is written into the border on the right
    assert (image[10:40, WIDTH - 12 : WIDTH - 2, :3] > 200).all()


def test_a_graph_is_small_enough_for_every_service():
    random = np.random.default_rng(1)
    lines = tuple(Line(str(place), random.normal(0, 1, TIMES.size)) for place in range(8))
    assert len(draw(Picture("Noise", "noise", TIMES, lines))) < 150_000
