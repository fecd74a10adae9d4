"""The table that plain `cnmon` prints, as drivers 4.20 and 5.10 lay it out.

It has no UUIDs, no links and no word on health. `cnmon info` has, but only its JSON has a published form (read by
exporters), and that it writes to a file `cnmon_info.json` in the working folder; discovery writes nothing.
"""

import re
from dataclasses import dataclass

from appliance.hardware.inventory import Accelerator, Detected, Health
from appliance.hardware.vendors.cambricon_names import selectors
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import MIB, number, whole
from appliance.hardware.vendors.places import bus_id, numa_node
from appliance.hardware.world import VendorFailed, World

FOLDERS = ("usr/local/neuware/bin",)

_DRIVER = re.compile(r"Driver\s+v?(\d+(?:\.\d+)+)")
_CARD = re.compile(r"^(\d{1,4})\s+(?:\S+\s+)?(MLU\S*)\s+v\S+$")
"""Card, its virtual function (`/` for none), name, firmware."""
_FIGURES = re.compile(r"^\S+\s+(\S+)\s+(\S+)\s*W\s*/\s*(\S+)\s*W$")
"""Fan, temperature, power used and its cap."""
_MEMORY = re.compile(r"(-?\d+)\s*MiB\s*/\s*(-?\d+)\s*MiB")


@dataclass(frozen=True)
class Row:
    index: int
    name: str
    address: str | None
    percent: float | None
    ecc_errors: int | None
    celsius: float | None
    watts: float | None
    watts_limit: float | None
    memory_used: float | None
    memory_total: float | None


def from_tool(world: World) -> Detected:
    text = world.tool("cnmon", folders=FOLDERS)
    rows = read_table(text)
    if not rows:
        raise VendorFailed("cnmon prints no table of cards.")
    driver = _DRIVER.search(text)
    figures = Figures("cambricon")
    found = figures.distinct(
        _accelerator(world, row, figures=figures, driver=driver.group(1) if driver else None) for row in rows
    )
    return Detected(accelerators=found, source="tool", problems=figures.problems)


def read_table(text: str) -> tuple[Row, ...]:
    """Pairs of lines, up to the table of processes."""
    rows: list[Row] = []
    above: list[str] | None = None
    for line in text.partition("Processes:")[0].splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 3:
            continue
        if above is None:
            above = cells if _CARD.match(cells[0]) else None
            continue
        rows.append(_row(above, cells))
        above = None
    return tuple(rows)


def _row(above: list[str], below: list[str]) -> Row:
    """`| 0  /  MLU370-X8  v1.1.6 | 0000:39:00.0 | 0%  N/A |` over `|  0%  32C  106 W/ 250 W | 0 MiB/ 23374 MiB | |`.

    Of driver 4.20 the middle cell above says `On  v4.20.11` instead of the address.
    """
    head, figures, memory = _CARD.match(above[0]), _FIGURES.match(below[0]), _MEMORY.search(below[1])
    index, name = head.groups() if head else ("0", "MLU")
    use = above[2].split()
    return Row(
        index=int(index),
        name=name,
        address=bus_id(above[1]),
        percent=number(use[0]) if use else None,
        ecc_errors=whole(use[1]) if len(use) > 1 else None,
        celsius=number(figures.group(1)) if figures else None,
        watts=number(figures.group(2)) if figures else None,
        watts_limit=number(figures.group(3)) if figures else None,
        memory_used=float(memory.group(1)) * MIB if memory else None,
        memory_total=float(memory.group(2)) * MIB if memory else None,
    )


def _accelerator(world: World, row: Row, *, figures: Figures, driver: str | None) -> Accelerator:
    total, used = figures.memory(row.memory_total, row.memory_used, card=row.index)
    return Accelerator(
        family="neuware",
        vendor="cambricon",
        name=row.name,
        index=row.index,
        bus_id=row.address,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(row.percent, card=row.index),
        temperature_celsius=figures.celsius(row.celsius, card=row.index),
        power_watts=figures.watts(row.watts, card=row.index),
        power_limit_watts=figures.watts_limit(row.watts_limit, card=row.index),
        driver_version=driver,
        architecture=row.name.partition("-")[0],
        health=_health(row),
        numa_node=numa_node(world.pci, row.address),
        selectors=selectors(world, index=row.index),
    )


def _health(row: Row) -> Health:
    """No errors is not yet health: the table does not say whether the driver has the card running."""
    return health(warnings=[f"cnmon counts {row.ecc_errors} ECC errors."] if row.ecc_errors else [], asked=False)
