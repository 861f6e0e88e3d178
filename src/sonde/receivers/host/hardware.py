"""Temperatures, fans, voltages, cooling and memory errors, as far as the machine tells them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sonde.receivers.collector import Family, counter, gauge
from sonde.receivers.host.tree import Tree, children, number, value
from sonde.receivers.part import NoData

Labelled = tuple[dict[str, str], float]

_SENSOR = re.compile(
    r"^(vrm|beep_enable|update_interval|in|cpu|fan|pwm|temp|curr|power|energy|humidity|intrusion)(\d*)(?:_(.+))?$"
)
_UNCLEAN = re.compile(r"[^a-z0-9:_]")

WHOLE = {
    # what describes the chip and no single sensor: metric, help, unit
    "beep_enable": ("node_hwmon_beep_enabled", "Hardware beep enabled", 1.0),
    "vrm": ("node_hwmon_voltage_regulator_version", "Hardware voltage regulator", 1.0),
    "update_interval": ("node_hwmon_update_interval_seconds", "Hardware monitor update interval", 1e-3),
}
UNITS = {
    # kind: suffix, help, unit
    "in": ("_volts", "Hardware monitor for voltage", 1e-3),
    "cpu": ("_volts", "Hardware monitor for voltage", 1e-3),
    "temp": ("_celsius", "Hardware monitor for temperature", 1e-3),
    "curr": ("_amps", "Hardware monitor for current", 1e-3),
    "energy": ("_joule_total", "Hardware monitor for joules used so far", 1e-6),
    "power": ("_watt", "Hardware monitor for power usage in watts", 1e-6),
    "humidity": ("", "Hardware monitor for humidity, as a ratio", 1e-6),
}


def hwmon(tree: Tree) -> Iterable[Family]:
    """Every sensor below ``/sys/class/hwmon``.

    Raises:
        NoData: There is none.
    """
    chips = list(children(tree.sys("class/hwmon"), "hwmon*"))
    if not chips:
        raise NoData("no sensors below /sys/class/hwmon")
    for folder in chips:
        chip, name = _chip(folder), _clean(value(folder / "name") or "")
        if name:
            text = "Annotation metric for human-readable chip names"
            yield gauge("node_hwmon_chip_names", text, [({"chip": chip, "chip_name": name}, 1)])
        sensors: dict[tuple[str, str], dict[str, Path]] = {}
        for file in (*children(folder), *children(folder / "device")):
            parts = _SENSOR.match(file.name)
            if parts and file.is_file():
                sensors.setdefault((parts[1], parts[2]), {}).setdefault(parts[3] or "", file)
        for (kind, index), files in sensors.items():
            yield from _sensor({"chip": chip, "sensor": f"{kind}{index or 0}"}, kind, files)


def _chip(folder: Path) -> str:
    device = (folder / "device").resolve()
    if (folder / "device").exists() and _clean(device.name):
        return "_".join(filter(None, (_clean(device.parent.name), _clean(device.name))))
    return _clean(value(folder / "name") or "") or _clean(folder.resolve().name)


def _clean(name: str) -> str:
    return _UNCLEAN.sub("_", name.lower()).strip("_")


def _sensor(labels: dict[str, str], kind: str, files: dict[str, Path]) -> Iterator[Family]:
    label = value(files["label"]) if "label" in files else None
    if label:
        yield gauge("node_hwmon_sensor_label", "Label for given chip and sensor", [(labels | {"label": label}, 1)])
    for element, file in files.items():
        amount = number(file)
        if amount is None or element == "label":
            continue
        if kind in WHOLE:
            metric, text, unit = WHOLE[kind]
        else:
            metric, text, unit = _metric(kind, element, has_value="" in files)
        family = counter if metric.endswith("_total") else gauge
        yield family(metric, text, [(labels, round(amount * unit, 6))])


def _metric(kind: str, element: str, *, has_value: bool) -> tuple[str, str, float]:
    name = f"node_hwmon_{kind}"
    if element and (element != "input" or has_value):
        name += f"_{_clean(element)}"
    if element in {"fault", "alarm"}:
        return name, f"Hardware sensor {element} status ({kind})", 1.0
    if element == "beep":
        return f"{name}_enabled", "Hardware monitor sensor has beeping enabled", 1.0
    if kind == "fan" and element in {"input", "min", "max", "target"}:
        return f"{name}_rpm", f"Hardware monitor for fan revolutions per minute ({element})", 1.0
    if kind == "power" and element == "accuracy":
        return name, "Hardware monitor power meter accuracy, as a ratio", 1e-6
    if kind == "power" and element.startswith("average_interval"):
        return f"{name}_seconds", f"Hardware monitor power usage update interval ({element})", 1e-3
    if kind in UNITS and (kind, element) != ("temp", "type"):
        suffix, text, unit = UNITS[kind]
        return name + suffix, f"{text} ({element or 'input'})", unit
    return name, f"Hardware monitor {kind} element {element}", 1.0


def thermal_zone(tree: Tree) -> Iterable[Family]:
    """Temperature of each zone, and how far each cooling device is turned on."""
    zones: list[Labelled] = []
    current: list[Labelled] = []
    most: list[Labelled] = []
    for folder in children(tree.sys("class/thermal"), "thermal_zone[0-9]*"):
        temperature = number(folder / "temp")
        if temperature is not None:
            labels = {"zone": folder.name.removeprefix("thermal_zone"), "type": value(folder / "type") or ""}
            zones.append((labels, temperature / 1000))
    for folder in children(tree.sys("class/thermal"), "cooling_device[0-9]*"):
        labels = {"name": folder.name.removeprefix("cooling_device"), "type": value(folder / "type") or ""}
        for rows, file in ((current, "cur_state"), (most, "max_state")):
            state = number(folder / file)
            if state is not None:
                rows.append((labels, state))
    yield gauge("node_thermal_zone_temp", "Zone temperature in Celsius", zones)
    yield gauge("node_cooling_device_cur_state", "Current throttle state of the cooling device", current)
    yield gauge("node_cooling_device_max_state", "Maximum throttle state of the cooling device", most)


def edac(tree: Tree) -> Iterable[Family]:
    """Memory errors that the controllers corrected, and those that they could not."""
    rows: dict[str, list[tuple[dict[str, str], float]]] = {name: [] for name in ("ce", "ue", "csrow_ce", "csrow_ue")}
    for controller in children(tree.sys("devices/system/edac/mc"), "mc[0-9]*"):
        labels = {"controller": controller.name.removeprefix("mc")}
        for kind in ("ce", "ue"):
            rows[kind].append((labels, number(controller / f"{kind}_count") or 0))
            unknown = number(controller / f"{kind}_noinfo_count") or 0
            rows[f"csrow_{kind}"].append((labels | {"csrow": "unknown"}, unknown))
            for row in children(controller, "csrow[0-9]*"):
                count = number(row / f"{kind}_count") or 0
                rows[f"csrow_{kind}"].append((labels | {"csrow": row.name.removeprefix("csrow")}, count))
    yield counter("node_edac_correctable_errors_total", "Total correctable memory errors.", rows["ce"])
    yield counter("node_edac_uncorrectable_errors_total", "Total uncorrectable memory errors.", rows["ue"])
    of_row = "memory errors for this csrow."
    yield counter("node_edac_csrow_correctable_errors_total", f"Total correctable {of_row}", rows["csrow_ce"])
    yield counter("node_edac_csrow_uncorrectable_errors_total", f"Total uncorrectable {of_row}", rows["csrow_ue"])


def nvme(tree: Tree) -> Iterable[Family]:
    """What each NVMe controller is.

    Raises:
        NoData: There is none.
    """
    files = {"firmware_revision": "firmware_rev", "model": "model", "serial": "serial", "state": "state"}
    rows = [
        ({"device": folder.name} | {label: value(folder / file) or "" for label, file in files.items()}, 1)
        for folder in children(tree.sys("class/nvme"))
    ]
    if not rows:
        raise NoData("no /sys/class/nvme")
    return [gauge("node_nvme_info", "Non-numeric data from /sys/class/nvme/<device>, value is always 1.", rows)]
