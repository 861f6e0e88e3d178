"""The words of a digest: a report in, a document of sections out, and that in the form that each service shows well."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sonde.notify.digest.report import AlertsWeek, Report, Traffic

Form = Literal["text", "table", "slack", "markdown", "html", "telegram"]

_MOST_SERVICES: Final = 15
_MOST_MODELS: Final = 10
_MOST_NAMES: Final = 5
_LONGEST_CELL: Final = 60
_SMALLEST_CHANGE: Final = 0.005
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()<>#|~])")
_LINK: Final = "#1a5fb4"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and lines or a table below it."""

    heading: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    lines: tuple[str, ...] = ()

    def sentences(self) -> Iterator[str]:
        """The table and the lines, as lines.

        >>> list(Section("", ("service", "requests", "errors"), (("shop", "12k", ""),)).sentences())
        ['shop: 12k requests']
        """
        for first, *others in self.rows:
            said = [f"{value} {name}" for name, value in zip(self.columns[1:], others, strict=True) if value]
            yield f"{first}: {', '.join(said)}" if said else first
        yield from self.lines


@dataclass(frozen=True, slots=True)
class Digest:
    """What is sent."""

    title: str
    sections: tuple[Section, ...]
    url: str = ""
    """Where there is more."""

    def written(self, form: Form) -> str:
        """In one of its forms."""
        return _FORMS[form](self)


def digest_of(report: Report, *, url: str = "") -> Digest:
    """The document of a report. What nobody could answer is not mentioned; what failed is, at the end."""
    zone = report.week.zone
    first, last = (datetime.fromtimestamp(at // 10**9, zone) for at in (report.week.start, report.week.end))
    sections = [
        section
        for make in (_services, _alerts, _budgets, _models, _satisfaction, _new_errors, _disk)
        if (section := make(report))
    ]
    if not sections:
        sections.append(Section("", lines=("There are no data of this week.",)))
    if report.unavailable:
        sections.append(Section("Not available this time", lines=report.unavailable))
    return Digest(f"Week in review: {first:%a %-d %b} to {last:%a %-d %b %Y}", tuple(sections), url)


def _services(report: Report) -> Section | None:
    rows = []
    for each in report.services[:_MOST_SERVICES]:
        now, before = each.now, each.before or Traffic(0, 0, None)
        rows.append(
            (
                _short(each.service),
                f"{count(now.requests)}{_change(now.requests, before.requests or None)}",
                f"{share(now.error_share)}{_points(now.error_share, before.error_share)}",
                f"{seconds(now.p95_seconds)}{_change(now.p95_seconds, before.p95_seconds)}",
            )
        )
    left_out = len(report.services) - len(rows)
    lines = (f"and {left_out} more",) if left_out else ()
    return Section("Services", ("service", "requests", "errors", "p95"), tuple(rows), lines) if rows else None


def _alerts(report: Report) -> Section | None:
    alerts: AlertsWeek | None = report.alerts
    if alerts is None:
        return None
    times = "time" if alerts.firings == 1 else "times"
    before = "" if alerts.before is None else f" ({alerts.before} the week before)"
    lines = [f"Alerts fired {alerts.firings} {times}{before}."]
    if alerts.mttr_seconds is not None:
        lines.append(f"Mean time to resolve: {seconds(alerts.mttr_seconds)}.")
    if alerts.noisiest:
        lines.append(f"Noisiest: {', '.join(f'{_short(name)} ({n})' for name, n in alerts.noisiest[:_MOST_NAMES])}.")
    if alerts.still_firing:
        names = ", ".join(map(_short, alerts.still_firing[:_MOST_NAMES]))
        more = len(alerts.still_firing) - _MOST_NAMES
        lines.append(f"Still firing: {names}{f' and {more} more' if more > 0 else ''}.")
    return Section("Alerts", lines=tuple(lines))


def _budgets(report: Report) -> Section | None:
    rows = [
        (_short(name), f"{left * 100:.0f} %" if left > 0 else f"used up ({left * 100:.0f} %)")
        for name, left in sorted(report.budgets.items(), key=lambda item: item[1])
    ]
    return Section("Error budgets", ("objective", "left"), tuple(rows)) if rows else None


def _models(report: Report) -> Section | None:
    rows = [
        (_short(each.model), f"{money(each.cost)}{_change(each.cost, each.before)}", count(each.calls))
        for each in report.models[:_MOST_MODELS]
    ]
    known = [each.cost for each in report.models if each.cost is not None]
    lines = (f"{money(sum(known))} in all",) if len(known) > 1 else ()
    return Section("LLM cost", ("model", "cost", "calls"), tuple(rows), lines) if rows else None


def _satisfaction(report: Report) -> Section | None:
    found = report.satisfaction
    if found is None or not found.ratings:
        return None
    rate = found.good / found.ratings
    return Section(
        "Satisfaction",
        lines=(f"{share(rate)}{_points(rate, found.before)} of {count(found.ratings)} ratings are good",),
    )


def _new_errors(report: Report) -> Section | None:
    lines = tuple(
        f"{_short(each.service)} {_short(each.operation)}: {count(each.count)} times"
        + (f" ({_short(each.message)})" if each.message else "")
        for each in report.new_errors
    )
    return Section("New errors", lines=lines) if lines else None


def _disk(report: Report) -> Section | None:
    disk = report.disk
    if disk is None or not disk.total_bytes:
        return None
    used = disk.used_bytes / disk.total_bytes
    return Section("Disk", lines=(f"{size(disk.used_bytes)} of {size(disk.total_bytes)} are used ({share(used)})",))


def count(number: int) -> str:
    """A number of things.

    >>> count(950), count(12_345), count(4_200_000), count(999_999)
    ('950', '12.3k', '4.2M', '1M')
    """
    for limit, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= limit * 0.9995 and number >= 10**3:
            return f"{number / limit:.3g}{unit}" if number < limit * 999.5 else f"{number / limit:,.0f}{unit}"
    return str(number)


def share(part: float | None) -> str:
    """A part of a whole.

    >>> share(0.0123), share(0.5), share(0.0), share(0.00004), share(None)
    ('1.2 %', '50 %', '0 %', '< 0.01 %', '')
    """
    if part is None:
        return ""
    if 0 < part < 0.0001:
        return "< 0.01 %"
    return f"{part * 100:.2g} %" if part < 0.1 else f"{part * 100:.0f} %"


def seconds(length: float | None) -> str:
    """A time.

    >>> seconds(0.0123), seconds(1.5), seconds(90), seconds(7260), seconds(None)
    ('12 ms', '1.5 s', '1 min 30 s', '2 h 1 min', '')
    """
    if length is None:
        return ""
    if length < 1:
        return f"{length * 1000:.3g} ms" if length < 0.01 else f"{length * 1000:.0f} ms"
    if length < 60:
        return f"{length:.2g} s"
    whole = round(length)
    large, small, names = (
        (*divmod(whole, 60), ("min", "s"))
        if whole < 3600
        else (
            *divmod(whole // 60, 60),
            ("h", "min"),
        )
    )
    return f"{large} {names[0]} {small} {names[1]}" if small else f"{large} {names[0]}"


def money(dollars: float | None) -> str:
    """An amount.

    >>> money(1234.5), money(0.00421), money(0.0), money(None)
    ('$1,234.50', '$0.0042', '$0.00', '')
    """
    if dollars is None:
        return ""
    return f"${dollars:.2g}" if 0 < dollars < 0.01 else f"${dollars:,.2f}"


def size(number: float) -> str:
    """A number of bytes.

    >>> size(1_610_612_736), size(512)
    ('1.5 GiB', '512 B')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:,.3g} TiB" if number < 1000 else f"{number:,.0f} TiB"


def _change(now: float | None, before: float | None) -> str:
    """By how much it has changed.

    >>> _change(110, 100), _change(50, 100), _change(100, 100), _change(100, None), _change(5, 0)
    (' (+10 %)', ' (-50 %)', ' (=)', '', '')
    """
    if now is None or not before:
        return ""
    change = now / before - 1
    if abs(change) < _SMALLEST_CHANGE:
        return " (=)"
    return f" ({change * 100:+.0f} %)" if change < 10 else f" (x {now / before:.0f})"


def _points(now: float | None, before: float | None) -> str:
    """By how much a share has changed.

    >>> _points(0.05, 0.02), _points(0.05, None), _points(0.05, 0.0501)
    (' (+3.0 points)', '', ' (=)')
    """
    if now is None or before is None:
        return ""
    change = (now - before) * 100
    return " (=)" if abs(change) < 0.05 else f" ({change:+.1f} points)"


def _short(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…"


def _aligned(section: Section) -> list[str]:
    """A table with spaces, then the lines."""
    table = [section.columns, *section.rows] if section.rows else []
    widths = [max(len(row[place]) for row in table) for place in range(len(section.columns))] if table else []
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return [*shown, *section.lines]


def _text(digest: Digest) -> str:
    parts = [
        "\n".join([*([section.heading] if section.heading else []), *section.sentences()])
        for section in digest.sections
    ]
    return "\n\n".join(parts)


def _table(digest: Digest) -> str:
    parts = [digest.title]
    for section in digest.sections:
        heading = [section.heading, "-" * len(section.heading)] if section.heading else []
        parts.append("\n".join([*heading, *_aligned(section)]))
    return "\n\n".join([*parts, *([digest.url] if digest.url else [])]) + "\n"


def _slack(digest: Digest) -> str:
    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    parts = []
    for section in digest.sections:
        heading = [f"*{escaped(section.heading)}*"] if section.heading else []
        table = _aligned(Section("", section.columns, section.rows))
        # A backtick would end the block.
        block = [f"```{escaped(chr(10).join(table)).replace('`', chr(39))}```"] if table else []
        parts.append("\n".join([*heading, *block, *(escaped(line).replace("`", "'") for line in section.lines)]))
    return "\n\n".join(parts)


def _markdown(digest: Digest) -> str:
    def escaped(text: str) -> str:
        return _MARKDOWN.sub(r"\\\1", text)

    parts = []
    for section in digest.sections:
        heading = [f"**{escaped(section.heading)}**\n"] if section.heading else []
        parts.append("\n".join([*heading, *(f"- {escaped(line)}" for line in section.sentences())]))
    return "\n\n".join(parts)


def _telegram(digest: Digest) -> str:
    parts = [f"<b>{html.escape(digest.title)}</b>"]
    for section in digest.sections:
        heading = [f"<b>{html.escape(section.heading)}</b>"] if section.heading else []
        parts.append("\n".join([*heading, *(html.escape(line, quote=False) for line in section.sentences())]))
    return "\n\n".join(parts)


def _html(digest: Digest) -> str:
    """A page for mail: styles stand in the elements, because many readers of mail know no others."""
    title = html.escape(digest.title)
    body = "\n".join(map(_html_section, digest.sections))
    link = html.escape(digest.url)
    more = (
        f'<p style="margin: 24px 0 0;"><a href="{link}" style="color: {_LINK};">View in Sonde</a></p>' if link else ""
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
  <meta name="viewport" content="width=device-width">
  <title>{title}</title>
</head>
<body style="margin: 0; padding: 24px; background: #f4f4f4; color: #1c1c1c; font-family: Helvetica, Arial, \
sans-serif; font-size: 14px; line-height: 1.5;">
<div style="max-width: 640px; margin: 0 auto; padding: 24px; background: #ffffff; border: 1px solid #dddddd;">
  <h1 style="margin: 0 0 8px; font-size: 18px;">{title}</h1>
{body}
  {more}
</div>
</body>
</html>
"""


def _html_section(section: Section) -> str:
    parts = []
    if section.heading:
        parts.append(f'  <h2 style="margin: 20px 0 6px; font-size: 15px;">{html.escape(section.heading)}</h2>')
    if section.rows:
        first, *others = section.columns
        head = _html_row((first, *others), "th", "color: #666666; font-weight: normal; font-size: 12px;")
        rows = "\n".join(_html_row(row, "td", "border-top: 1px solid #eeeeee;") for row in section.rows)
        style = "border-collapse: collapse; font-size: 13px;"
        parts.append(
            f'  <table cellpadding="0" cellspacing="0" width="100%" style="{style}">\n{head}\n{rows}\n  </table>'
        )
    parts += [f'  <div style="margin: 2px 0;">{html.escape(line)}</div>' for line in section.lines]
    return "\n".join(parts)


def _html_row(cells: tuple[str, ...], tag: str, style: str) -> str:
    written = "".join(
        f'<{tag} align="{"right" if place else "left"}" style="padding: 4px 0 4px {12 if place else 0}px; {style}">'
        f"{html.escape(cell)}</{tag}>"
        for place, cell in enumerate(cells)
    )
    return f"    <tr>{written}</tr>"


_FORMS: Final[Mapping[Form, Callable[[Digest], str]]] = {
    "text": _text,
    "table": _table,
    "slack": _slack,
    "markdown": _markdown,
    "html": _html,
    "telegram": _telegram,
}
