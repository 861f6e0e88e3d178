"""The clock: its time, its source, and how the kernel disciplines it (adjtimex)."""

from __future__ import annotations

import ctypes
import os
import time as clock
from collections.abc import Callable, Iterable

from sonde.receivers.collector import Family, counter, gauge
from sonde.receivers.host.tree import Tree, children, value
from sonde.receivers.part import NoData


def time(tree: Tree, *, now: Callable[[], float] = clock.time) -> Iterable[Family]:
    """Seconds since 1970, the time zone, and the clock's sources."""
    seconds = now()
    yield gauge("node_time_seconds", "System time in seconds since epoch (1970).", seconds)
    local = clock.localtime(seconds)
    offset = [({"time_zone": local.tm_zone}, local.tm_gmtoff)]
    yield gauge("node_time_zone_offset_seconds", "System time zone offset in seconds.", offset)
    available, current = [], []
    for folder in children(tree.sys("devices/system/clocksource"), "clocksource[0-9]*"):
        device = folder.name.removeprefix("clocksource")
        names = (value(folder / "available_clocksource") or "").split()
        available += [({"device": device, "clocksource": name}, 1) for name in names]
        current.append(({"device": device, "clocksource": value(folder / "current_clocksource") or ""}, 1))
    where = "read from '/sys/devices/system/clocksource'."
    yield gauge("node_time_clocksource_available_info", f"Available clocksources {where}", available)
    yield gauge("node_time_clocksource_current_info", f"Current clocksource {where}", current)


class _Timeval(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("microseconds", ctypes.c_long))


class Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("constant", "precision", "tolerance")),
        ("time", _Timeval),
        *((name, ctypes.c_long) for name in ("tick", "ppsfreq", "jitter")),
        ("shift", ctypes.c_int),
        *((name, ctypes.c_long) for name in ("stabil", "jitcnt", "calcnt", "errcnt", "stbcnt")),
        ("tai", ctypes.c_int),
        ("padding", ctypes.c_int * 11),
    )


TIME_ERROR = 5
STA_NANO = 0x2000
PPM = 1_000_000 * 65_536
"""Frequencies are parts of a million, with 16 bits of fraction."""

TIMEX = (
    # metric, help, field, what one unit of the field is; None: micro- or nanoseconds, as the status says
    ("offset_seconds", "Time offset in between local system and reference clock.", "offset", None),
    ("maxerror_seconds", "Maximum error in seconds.", "maxerror", 1e-6),
    ("estimated_error_seconds", "Estimated error in seconds.", "esterror", 1e-6),
    ("status", "Value of the status array bits.", "status", 1),
    ("loop_time_constant", "Phase-locked loop time constant.", "constant", 1),
    ("tick_seconds", "Seconds between clock ticks.", "tick", 1e-6),
    ("pps_frequency_hertz", "Pulse per second frequency.", "ppsfreq", 1 / PPM),
    ("pps_jitter_seconds", "Pulse per second jitter.", "jitter", None),
    ("pps_shift_seconds", "Pulse per second interval duration.", "shift", 1),
    ("pps_stability_hertz", "Pulse per second stability, average of recent frequency changes.", "stabil", 1 / PPM),
    ("pps_jitter_total", "Pulse per second count of jitter limit exceeded events.", "jitcnt", 1),
    ("pps_calibration_total", "Pulse per second count of calibration intervals.", "calcnt", 1),
    ("pps_error_total", "Pulse per second count of calibration errors.", "errcnt", 1),
    ("pps_stability_exceeded_total", "Pulse per second count of stability limit exceeded events.", "stbcnt", 1),
    ("tai_offset_seconds", "International Atomic Time (TAI) offset.", "tai", 1),
)


def timex(_tree: Tree) -> Iterable[Family]:
    """What the kernel knows about its own clock; asked of the kernel, not of a file.

    Raises:
        NoData: It does not let us ask, as in some containers.
        OSError: It answers with an error.
    """
    answer = Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(answer))
    if state == -1:
        code = ctypes.get_errno()
        if isinstance(OSError(code, ""), PermissionError):
            raise NoData("adjtimex is not permitted here")
        raise OSError(code, f"adjtimex: {os.strerror(code)}")
    return timex_families(answer, state)


def timex_families(answer: Timex, state: int) -> list[Family]:
    """An answer of adjtimex as families."""
    fraction = 1e-9 if answer.status & STA_NANO else 1e-6
    families = [
        (counter if name.endswith("_total") else gauge)(
            f"node_timex_{name}", text, getattr(answer, field) * (fraction if unit is None else unit)
        )
        for name, text, field, unit in TIMEX
    ]
    adjustment = 1 + answer.freq / PPM
    families.append(gauge("node_timex_frequency_adjustment_ratio", "Local clock frequency adjustment.", adjustment))
    synchronized = "Is clock synchronized to a reliable server (1 = yes, 0 = no)."
    families.append(gauge("node_timex_sync_status", synchronized, float(state != TIME_ERROR)))
    return families
