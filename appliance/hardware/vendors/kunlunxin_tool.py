"""`xpu-smi -q` for the cards, `xpu-smi topo -m` for their links (driver 5.0.21, P800).

Recent drivers install the tool as `xpu_smi` too, a name that Intel does not use: it is taken where it is there.
"""

import re
from collections.abc import Sequence

from appliance.hardware.inventory import Accelerator, Detected, Health, Link, Problem
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.kunlunxin_names import HINT, card_groups, selectors
from appliance.hardware.vendors.numbers import in_bytes, number, whole
from appliance.hardware.vendors.places import bus_id, numa_node
from appliance.hardware.vendors.questions import Answer, ask_together, needed, printed, unanswered
from appliance.hardware.vendors.topology_matrix import NO_LINKS, read_links
from appliance.hardware.world import TOOL_FOLDERS, VendorFailed, World

FOLDERS = ("usr/local/xpu/bin",)
FABRIC = re.compile("XL")

Section = dict[tuple[str, str], str]
"""Values by section and name; a name before the first section has an empty one."""

_CARD = re.compile(r"^\s*XPU ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])\s*$", re.MULTILINE)


def from_tool(world: World) -> Detected:
    told, topology = ask(world, ("-q",), ("topo", "-m"))
    head, *blocks = _CARD.split(needed(told))
    pairs = list(zip(blocks[::2], blocks[1::2], strict=True))
    if not pairs:
        raise VendorFailed("xpu-smi -q lists no Kunlunxin card; is it Intel's xpu-smi?")
    links = read_topology(topology)
    figures = Figures("kunlunxin")
    found = tuple(
        _accelerator(
            world, index, address, block=read_section(f"{head}\n{block}"), figures=figures, links=links.get(index, ())
        )
        for index, (address, block) in enumerate(pairs)
    )
    problems = (*(without_links(topology) if pairs[1:] else ()), *figures.problems)
    return Detected(accelerators=found, card_groups=card_groups(found), source="tool", problems=problems)


def ask(world: World, *questions: Sequence[str]) -> tuple[Answer, ...]:
    paths = (f"{folder}/xpu_smi" for folder in (*FOLDERS, *TOOL_FOLDERS))
    name = "xpu_smi" if any(world.exists(path) for path in paths) else "xpu-smi"
    return ask_together(world, name, *questions, folders=FOLDERS)


def read_topology(topology: Answer) -> dict[int, tuple[Link, ...]]:
    """XL is Kunlunxin's own link."""
    return read_links(printed(topology), prefix="XPU", fabric=FABRIC)


def without_links(topology: Answer) -> tuple[Problem, ...]:
    return unanswered(topology, "xpu-smi topo -m", vendor="kunlunxin", hint=HINT, costs=NO_LINKS)


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
    figures: Figures,
    links: tuple[Link, ...],
) -> Accelerator:
    total, used = figures.memory(
        in_bytes(block.get(("Memory Usage", "Total"))),
        in_bytes(block.get(("Memory Usage", "Used"))),
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
        utilization=figures.share(number(block.get(("Utilization", "Xpu"))), card=index),
        temperature_celsius=figures.celsius(number(block.get(("", "XPU Current Temp"))), card=index),
        power_watts=figures.watts(number(block.get(("", "Power Draw"))), card=index),
        power_limit_watts=figures.watts_limit(number(block.get(("", "Enforced Power Limit"))), card=index),
        driver_version=block.get(("", "Driver Version")),
        runtime_version=block.get(("", "XPU-RT Version")),
        architecture=block.get(("", "Product Architecture")),
        health=_health(block),
        numa_node=numa_node(world.pci, place),
        links=links,
        selectors=selectors(world, index=index, minor=whole(block.get(("", "Minor Number")))),
    )


def _health(block: Section) -> Health:
    """The tool knows no state; uncorrectable memory errors since the driver was loaded are what it tells."""
    errors = whole(block.get(("Volatile", "DRAM Uncorrectable")))
    warnings = [f"{errors} uncorrectable DRAM errors."] if errors else []
    return health(warnings=warnings, asked=errors is not None)
