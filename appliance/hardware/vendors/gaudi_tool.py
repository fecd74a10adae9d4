"""Gaudi cards as `hl-smi -Q FIELDS -f csv` prints them (docs.habana.ai, System Management Interface Tool)."""

import csv

from appliance.hardware.inventory import Accelerator, Detected, Health
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.gaudi_names import BRAND, architecture, selectors
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import Raw, in_bytes, number
from appliance.hardware.vendors.places import bus_id, device_at, numa_node
from appliance.hardware.vendors.questions import ask_together
from appliance.hardware.world import VendorFailed, World

PLAIN = (
    "index,module_id,bus_id,name,uuid,driver_version,memory.total,memory.used,utilization.aip,"
    "temperature.aip,power.draw"
)
ERRORS = "ecc.errors.uncorrected.{}.total"
RICH = f"{PLAIN},power.max,{ERRORS.format('volatile')},{ERRORS.format('aggregate')}"
"""A field that a release does not know fails the whole question, so the plain one is put beside it."""


def from_tool(world: World) -> Detected:
    rich, plain = ask_together(world, "hl-smi", ("-Q", RICH, "-f", "csv"), ("-Q", PLAIN, "-f", "csv"))
    told = rich if isinstance(rich, str) and _rows(rich) else plain
    if isinstance(told, VendorFailed):
        raise told
    rows = _rows(told)
    if not rows:
        raise VendorFailed("hl-smi lists no card.")
    devices = BRAND.cards(world)
    figures = Figures("gaudi", tells_silence=True)
    found = tuple(_card(world, devices, figures, row, index) for index, row in rows.items())
    return Detected(accelerators=found, source="tool", problems=figures.problems)


def _rows(text: str) -> dict[int, dict[str, str]]:
    """By index; the head names its units too (`memory.total [MiB]`), so do the values. Torn lines are left out."""
    try:
        lines = list(csv.reader(text.splitlines(), skipinitialspace=True))
    except csv.Error as error:
        raise VendorFailed(f"hl-smi did not print a table ({error}).") from error
    head = [name.split(" [")[0].strip() for name in lines[0]] if lines else []
    rows = (dict(zip(head, line, strict=True)) for line in lines[1:] if len(line) == len(head))
    return {int(row["index"]): row for row in rows if row.get("index", "").strip().isdecimal()}


def _card(
    world: World, devices: tuple[PciDevice, ...], figures: Figures, row: dict[str, str], index: int
) -> Accelerator:
    place = bus_id(row.get("bus_id", ""))
    device = device_at(devices, place)
    total, used = figures.memory(in_bytes(row.get("memory.total")), in_bytes(row.get("memory.used")), card=index)
    module = number(row.get("module_id"))
    return Accelerator(
        family="gaudi",
        vendor="gaudi",
        name=row.get("name", "").strip() or architecture(device) or "Gaudi card",
        index=index,
        uuid=row.get("uuid", "").strip() or None,
        bus_id=place,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(row.get("utilization.aip"), card=index),
        temperature_celsius=figures.celsius(row.get("temperature.aip"), card=index),
        power_watts=figures.watts(row.get("power.draw"), card=index),
        power_limit_watts=figures.watts_limit(row.get("power.max"), card=index),
        driver_version=row.get("driver_version", "").strip() or None,
        architecture=architecture(device),
        health=_health(row.get(ERRORS.format("volatile")), row.get(ERRORS.format("aggregate"))),
        numa_node=numa_node(devices, place),
        selectors=selectors(
            world, index=index, module=int(module) if module is not None else None, minor=None, device=device
        ),
    )


def _health(since_reset: Raw, ever: Raw) -> Health:
    failed = number(since_reset)
    remark = number(ever)
    return health(
        failed=[f"{failed:g} uncorrected ECC errors since the last reset: reset the card."] if failed else [],
        remarks=[f"{remark:g} uncorrected ECC errors in its life."] if remark else [],
        asked=failed is not None,
    )
