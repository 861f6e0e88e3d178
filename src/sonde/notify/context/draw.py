"""Draws a graph as PNG: a light card with its own border, so that it is readable in light and dark chat clients.

Pillow draws no smooth lines by itself: curves are drawn at three times the size and scaled down. About 15 ms.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from sonde.notify.context.axis import clock, number_text, number_ticks, time_ticks, zone_name
from sonde.notify.context.graph_plan import Threshold
from sonde.query.promql.series import Floats

if TYPE_CHECKING:  # imported where something is drawn: most processes never do, and it takes 5 MB
    from PIL import Image, ImageDraw, ImageFont

WIDTH: Final = 640
HEIGHT: Final = 240
MAX_LEGEND: Final = 4
THRESHOLD_COLOUR: Final = (217, 45, 58)
_SCALE: Final = 3
_RADIUS: Final = 8
_RIGHT: Final = 16
_TOP: Final = 57
_BOTTOM: Final = 24
_MARGIN: Final = 2
"""Room above and below the curves, for the width of their strokes."""
_LEGEND: Final = 18
_CARD: Final = (255, 255, 255)
_BORDER: Final = (205, 211, 216)
_GRID: Final = (232, 236, 239)
_TEXT: Final = (26, 32, 39)
_MUTED: Final = (93, 104, 115)
_FIRING: Final = (253, 240, 241)
_COLOURS: Final = (
    (29, 99, 214), (15, 138, 126), (124, 58, 173), (204, 122, 0),
    (64, 145, 108), (181, 23, 158), (94, 96, 206), (120, 113, 108),
)  # fmt: skip
_WITHOUT_PALE: Final = 0.55
"""How far the lines that do not alert are mixed with the background, when others do."""
_SYSTEM_FONTS: Final = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")

Colour = tuple[int, int, int]
_Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One series: a value a time, NaN where there is none."""

    name: str
    values: Floats
    is_alerting: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be seen. Times are seconds since 1970."""

    title: str
    subtitle: str
    times: Floats
    lines: tuple[Line, ...]
    threshold: Threshold | None = None
    since: float = 0.0
    """When the alert began; 0 if that is unknown."""
    hidden: int = 0
    """How many more series there are."""


def draw(picture: Picture, zone: tzinfo = UTC) -> bytes:
    """The picture as PNG, 640 by 240 pixels.

    >>> times = np.arange(0.0, 3600, 60)
    >>> png = draw(Picture("Example", "up", times, (Line("", np.sin(times)),)))
    >>> png[1:4], int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    (b'PNG', 640, 240)
    """
    from PIL import Image, ImageDraw

    ticks = number_ticks(*_bounds(picture))
    labels = [number_text(tick) for tick in ticks]
    left = 14 + max(int(_font(11).getlength(label)) for label in labels)
    named = [line for line in picture.lines if line.name]
    area = _Area(left, _TOP, WIDTH - _RIGHT, HEIGHT - _BOTTOM - (_LEGEND if named else 0), picture.times, ticks)
    image = Image.new("RGB", (WIDTH, HEIGHT), _CARD)
    image.paste(_plot(picture, area), (area.left, area.top - _MARGIN))
    pen = ImageDraw.Draw(image)
    for tick, label in zip(ticks, labels, strict=True):
        _write(pen, (left - 8, area.y(tick)), label, 11, _MUTED, anchor="rm")
    for at, label in time_ticks(float(picture.times[0]), float(picture.times[-1]), zone):
        x = min(area.x(at), WIDTH - 10 - _font(11).getlength(label) / 2)
        _write(pen, (x, area.bottom + 6), label, 11, _MUTED, anchor="ma")
    _head(pen, picture, zone)
    _threshold_label(pen, picture, area)
    if named:
        _legend(pen, picture, area)
    return _card(image)


class _Area:
    """Where the curves are, and which pixel is which value."""

    def __init__(self, left: int, top: int, right: int, bottom: int, times: Floats, ticks: list[float]) -> None:
        self.left, self.top, self.right, self.bottom = left, top, right, bottom
        self.start, self.end = float(times[0]), float(times[-1])
        self.ticks, self.low, self.high = ticks, ticks[0], ticks[-1]

    def x(self, at: float) -> float:
        return self.left + (at - self.start) / max(self.end - self.start, 1e-9) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def enlarged(self, at: float, value: float) -> _Point:
        return (self.x(at) - self.left) * _SCALE, (self.y(value) - self.top + _MARGIN + 0.5) * _SCALE


def _bounds(picture: Picture) -> tuple[float, float]:
    """The values that have to fit in: from 0, unless all of them are far from it."""
    seen = np.concatenate([line.values[np.isfinite(line.values)] for line in picture.lines])
    if picture.threshold is not None:
        seen = np.append(seen, picture.threshold.value)
    if not seen.size:
        return 0.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        return (min(low, 0.0), max(high, 0.0)) if low else (0.0, 1.0)
    if low >= 0 and (high - low) > 0.1 * high:
        return 0.0, high
    return low, high


def _plot(picture: Picture, area: _Area) -> Image.Image:
    """Grid and curves."""
    from PIL import Image, ImageDraw

    size = ((area.right - area.left) * _SCALE, (area.bottom - area.top + 1 + 2 * _MARGIN) * _SCALE)
    image = Image.new("RGB", size, _CARD)
    pen = ImageDraw.Draw(image)
    if area.start < picture.since < area.end:
        x = area.enlarged(picture.since, area.low)[0]
        pen.rectangle((x, 0, size[0], size[1]), fill=_FIRING)
    for tick in area.ticks:
        y = area.enlarged(area.start, tick)[1]
        pen.line((0, y, size[0], y), fill=_GRID, width=_SCALE)
    if picture.threshold is not None:
        y = area.enlarged(area.start, picture.threshold.value)[1]
        for x in range(0, size[0], 9 * _SCALE):
            pen.line((x, y, x + 5 * _SCALE, y), fill=THRESHOLD_COLOUR, width=int(1.5 * _SCALE))
    # what alerts is drawn last, over the rest
    for place in reversed(range(len(picture.lines))):
        _curve(pen, picture, place, area)
    return image.reduce(_SCALE)


def _curve(pen: ImageDraw.ImageDraw, picture: Picture, place: int, area: _Area) -> None:
    line, colour = picture.lines[place], _colour(picture, place)
    width = (2 if line.is_alerting else 1.4) * _SCALE
    known = np.isfinite(line.values)
    # one stroke for each stretch without a gap
    borders = np.flatnonzero(np.diff(np.concatenate(([0], known.astype(np.int8), [0]))))
    for first, behind in borders.reshape(-1, 2):
        points = [
            area.enlarged(float(at), float(value))
            for at, value in zip(picture.times[first:behind], line.values[first:behind], strict=True)
        ]
        if len(points) == 1:
            (x, y), radius = points[0], 1.8 * _SCALE
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        else:
            pen.line(points, fill=colour, width=round(width), joint="curve")


def _colour(picture: Picture, place: int) -> Colour:
    colour = _COLOURS[place % len(_COLOURS)]
    if picture.lines[place].is_alerting or not any(line.is_alerting for line in picture.lines):
        return colour
    red, green, blue = (
        round(part + (ground - part) * _WITHOUT_PALE) for part, ground in zip(colour, _CARD, strict=True)
    )
    return red, green, blue


def _head(pen: ImageDraw.ImageDraw, picture: Picture, zone: tzinfo) -> None:
    end = float(picture.times[-1])
    day = datetime.fromtimestamp(end, zone)
    date = f"{day.day} {day:%b %Y}, {clock(end, zone)} {zone_name(end, zone)}".rstrip()
    room = WIDTH - 32 - _font(11).getlength(date) - 12
    _write(pen, (16, 11), _fitting(picture.title, 15, room), 15, _TEXT, is_bold=True)
    _write(pen, (WIDTH - 16, 14), date, 11, _MUTED, anchor="ra")
    _write(pen, (16, 31), _fitting(picture.subtitle, 11, WIDTH - 32), 11, _MUTED)


def _threshold_label(pen: ImageDraw.ImageDraw, picture: Picture, area: _Area) -> None:
    """On the side of the line where alerts are, if there is room."""
    if picture.threshold is None:
        return
    text = f"{picture.threshold.operator} {number_text(picture.threshold.value, digits=4)}"
    y = area.y(picture.threshold.value)
    is_above = y - area.top > 16 if picture.threshold.operator not in ("<", "<=") else area.bottom - y < 16
    width = _font(11).getlength(text)
    top = y - 16 if is_above else y + 3
    pen.rounded_rectangle((area.left + 3, top, area.left + 11 + width, top + 14), 3, fill=_CARD)
    _write(pen, (area.left + 7, top + 7), text, 11, THRESHOLD_COLOUR, anchor="lm")


def _legend(pen: ImageDraw.ImageDraw, picture: Picture, area: _Area) -> None:
    shown = picture.lines[:MAX_LEGEND]
    more = len(picture.lines) - len(shown) + picture.hidden
    tail = f"+{more} more" if more else ""
    room = area.right - 16 - (_font(11).getlength(tail) + 14 if tail else 0)
    x, y = 16.0, HEIGHT - 12
    for place, line in enumerate(shown):
        left = (room - x + 16) / (len(shown) - place)
        text = _fitting(line.name, 11, left - 32)
        pen.rounded_rectangle((x, y - 2, x + 12, y + 1), 1, fill=_colour(picture, place))
        _write(pen, (x + 17, y), text, 11, _TEXT, anchor="lm")
        x += 17 + _font_of(text, 11).getlength(text) + 16
    if tail:
        _write(pen, (x, y), tail, 11, _MUTED, anchor="lm")


def _card(image: Image.Image) -> bytes:
    """Rounded corners that are transparent, and a border."""
    from PIL import Image, ImageDraw

    mask = Image.new("L", (WIDTH * 2, HEIGHT * 2), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, WIDTH * 2 - 1, HEIGHT * 2 - 1), _RADIUS * 2, fill=255)
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, WIDTH - 1, HEIGHT - 1), _RADIUS, outline=_BORDER, width=1)
    image.putalpha(mask.reduce(2))
    written = io.BytesIO()
    image.save(written, "PNG", compress_level=6)
    return written.getvalue()


def _write(
    pen: ImageDraw.ImageDraw,
    at: _Point,
    text: str,
    size: int,
    colour: Colour,
    *,
    anchor: str = "la",
    is_bold: bool = False,
) -> None:
    font = _font_of(text, size)
    pen.text(at, _printable(text, font), colour, font, anchor, stroke_width=0.35 if is_bold else 0)


def _fitting(text: str, size: int, room: float) -> str:
    """The text, cut where there is no more room."""
    text = " ".join(text[:400].split())
    font = _font_of(text, size)
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[: int(len(text) * 0.95)] if len(text) > 60 else text[:-1]
    return text.rstrip() + "…"


def _font_of(text: str, size: int) -> ImageFont.FreeTypeFont:
    return _font(size, is_ascii=text.replace("…", "").isascii())


@lru_cache(maxsize=16)
def _font(size: int, *, is_ascii: bool = True) -> ImageFont.FreeTypeFont:
    """Pillow's own font, which has no more than ASCII; for other texts one of the system, if there is any."""
    from PIL import ImageFont

    for name in () if is_ascii else _SYSTEM_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)  # type: ignore[return-value] # a bitmap only where FreeType is missing


def _printable(text: str, font: ImageFont.FreeTypeFont) -> str:
    if font.getname()[0] != "Aileron":
        return text
    return "".join(character if character == "…" or character.isascii() else "?" for character in text)
