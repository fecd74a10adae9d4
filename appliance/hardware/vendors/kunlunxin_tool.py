"""`xpu-smi -q` for the cards, `xpu-smi topo -m` for their links (driver 5.0.21, P800).

Recent drivers install the tool as `xpu_smi` too, a name that Intel does not use: it is taken where it is there.
"""

import re

from appliance.hardware.inventory import Accelerator, Detected, Health, HealthState, Link
from appliance.hardware.vendors.kunlunxin_cards import card_groups, selectors
from appliance.hardware.vendors.measurements import Notes, bus_id, mebibytes, numa_node, number, whole
from appliance.hardware.vendors.topology_matrix import read_links
from appliance.hardware.world import TOOL_FOLDERS, VendorFailed, World

FOLDERS = ("usr/local/xpu/bin",)

Section = dict[tuple[str, str], str]
"""Values by section and name; a name before the first section has an empty one."""

_CARD = re.compile(r"^\s*XPU ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])\s*$", re.MULTILINE)


def detect(world: World, *, hint: str) -> Detected:
    notes = Notes(vendor="kunlunxin", hint=hint)
    head, *blocks = _CARD.split(ask(world, "-q"))
    pairs = list(zip(blocks[::2], blocks[1::2], strict=True))
    if not pairs:
        raise VendorFailed("xpu-smi -q lists no Kunlunxin card; is it Intel's xpu-smi?")
    links = read_topology(world, notes=notes) if len(pairs) > 1 else {}
    found = tuple(
        _accelerator(
            world, index, address, block=read_section(f"{head}\n{block}"), notes=notes, links=links.get(index, ())
        )
        for index, (address, block) in enumerate(pairs)
    )
    return Detected(accelerators=found, card_groups=card_groups(found), source="tool", problems=notes.problems)


def ask(world: World, *arguments: str) -> str:
    paths = (f"{folder}/xpu_smi" for folder in (*FOLDERS, *TOOL_FOLDERS))
    name = "xpu_smi" if any(world.exists(path) for path in paths) else "xpu-smi"
    return world.tool(name, *arguments, folders=FOLDERS)


def read_topology(world: World, *, notes: Notes) -> dict[int, tuple[Link, ...]]:
    """XL is Kunlunxin's own link."""
    try:
        return read_links(ask(world, "topo", "-m"), prefix="XPU", fabrics=("XL",))
    except VendorFailed as error:
        notes.say(f"xpu-smi topo -m: {error} The links between the cards are not known.")
        return {}


def read_section(text: str) -> Section:
    """Lines of `Name : value`; a line without a colon opens a section."""
    values: Section = {}
    section = ""
    for line in text.splitlines():
        name, colon, value = (part.strip() for part in line.partition(":"))
        if colon:
            values.setdefault((section, name), value)
            values.setdefault(("", name), value)
        elif name:
            section = name
    return values


def _accelerator(
    world: World,
    index: int,
    address: str,
    *,
    block: Section,
    notes: Notes,
    links: tuple[Link, ...],
) -> Accelerator:
    total, used = notes.memory(
        total=mebibytes(block.get(("Memory Usage", "Total"))),
        used=mebibytes(block.get(("Memory Usage", "Used"))),
        card=index,
    )
    place = bus_id(address)
    return Accelerator(
        family="kunlun",
        vendor="kunlunxin",
        name=block.get(("", "Product Name"), "Kunlunxin XPU"),
        index=index,
        uuid=block.get(("", "XPU UUID")) or block.get(("", "Serial Number")),
        bus_id=place,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=notes.share(number(block.get(("Utilization", "Xpu"))), card=index),
        temperature_celsius=notes.celsius(number(block.get(("", "XPU Current Temp"))), card=index),
        power_watts=notes.watts(number(block.get(("", "Power Draw"))), card=index),
        power_limit_watts=notes.watts(number(block.get(("", "Enforced Power Limit"))), card=index),
        driver_version=block.get(("", "Driver Version")),
        runtime_version=block.get(("", "XPU-RT Version")),
        architecture=block.get(("", "Product Architecture")),
        health=_health(block),
        numa_node=numa_node(world, place),
        links=links,
        selectors=selectors(world, index=index, minor=whole(block.get(("", "Minor Number")))),
    )


def _health(block: Section) -> Health:
    """The tool knows no state; uncorrectable memory errors since the driver was loaded are what it tells."""
    errors = whole(block.get(("Volatile", "DRAM Uncorrectable")))
    if errors is None:
        return Health()
    reasons = (f"{errors} uncorrectable DRAM errors.",) if errors else ()
    return Health(state=HealthState.WARNING if errors else HealthState.OK, reasons=reasons)
