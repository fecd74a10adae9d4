"""What `rocm-smi --json` and its descendant `hy-smi --json` print: one object per card, keys with their units."""

import re
from collections.abc import Sequence

from appliance.hardware.inventory import Accelerator, BusId, Detected, Link, LinkKind
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.documents import Json, at, parse, words
from appliance.hardware.vendors.numbers import Raw, in_bytes
from appliance.hardware.vendors.places import bus_id, device_at, numa_node
from appliance.hardware.vendors.questions import ask_together
from appliance.hardware.vendors.rocm import Maker, Survey, selectors, survey
from appliance.hardware.world import VendorFailed, World

RICH = (
    *("--showid", "--showproductname", "--showuniqueid", "--showbus", "--showmeminfo", "vram", "--showuse"),
    *("--showtemp", "--showpower", "--showmaxpower", "--showdriverversion", "--showtopotype", "--json"),
)
PLAIN = ("--showproductname", "--showmeminfo", "vram", "--showuse", "--showtemp", "--json")
"""Options differ between releases, and one that a release does not know fails the whole question."""
CARD = re.compile(r"card(\d+)")
TEMPERATURES = ("junction", "edge", "core", "memory", "mem")


def from_tool(world: World, maker: Maker, *, tool: str, folders: Sequence[str]) -> Detected:
    rich, plain = ask_together(world, tool, RICH, PLAIN, folders=folders)
    told = rich if isinstance(rich, str) else plain
    if isinstance(told, VendorFailed):
        raise told
    document = parse(told, tool=tool)
    cards = sorted(_cards(document), key=lambda pair: pair[0])
    if not cards:
        raise VendorFailed(f"{tool} lists no card.")
    seen = survey(world, maker)
    places = [bus_id(words(card, "PCI Bus")) for _, card in cards]
    if None in places:
        places = _by_order(seen.devices, count=len(cards))
    found = tuple(
        _card(seen, document, card, index, place=place) for (index, card), place in zip(cards, places, strict=True)
    )
    return Detected(accelerators=found, source="tool", problems=seen.figures.problems)


def _card(seen: Survey, document: Json, card: Json, index: int, *, place: BusId | None) -> Accelerator:
    world, maker, figures = seen.world, seen.maker, seen.figures
    node = seen.nodes.take(place)
    memory, used = figures.memory(_memory(card, "Total Memory"), _memory(card, "Total Used Memory"), card=index)
    return Accelerator(
        family=maker.brand.family,
        vendor=maker.brand.name,
        name=_name(card) or maker.brand.product(device_at(seen.devices, place)),
        index=index,
        uuid=_uuid(card),
        bus_id=place,
        memory_bytes=memory,
        memory_used_bytes=used,
        utilization=figures.share(_use(card), card=index),
        temperature_celsius=figures.celsius(_temperature(card), card=index),
        power_watts=figures.watts(_power(card, "Average", "Current Socket"), card=index),
        power_limit_watts=figures.watts_limit(_power(card, "Max"), card=index),
        driver_version=maker.driver_version(world) or words(document, "system", "Driver version"),
        runtime_version=maker.runtime_version(world),
        compute_capability=node.architecture if node else None,
        architecture=node.architecture if node else None,
        numa_node=numa_node(seen.devices, place),
        links=_links(document, index, fabric=maker.fabric),
        selectors=selectors(world, maker, index=index, node=node),
    )


def _cards(document: Json) -> list[tuple[int, Json]]:
    pairs = document.items() if isinstance(document, dict) else ()
    named = ((CARD.fullmatch(name), card) for name, card in pairs)
    return [(int(found[1]), card) for found, card in named if found and isinstance(card, dict)]


def _by_order(devices: tuple[PciDevice, ...], *, count: int) -> list[BusId | None]:
    """Without addresses in the answer: both count in the order of addresses, where they count as many."""
    return [device.bus_id for device in devices] if len(devices) == count else [None] * count


def _name(card: Json) -> str | None:
    names = (words(card, key) for key in ("Card Series", "Card series", "Card Model", "Card model"))
    return next((name for name in names if name and not name.lower().startswith("0x")), None)


def _uuid(card: Json) -> str | None:
    unique = words(card, "Unique ID")
    if unique and unique.lower().startswith("0x"):
        return f"GPU-{unique[2:].lower().rjust(16, '0')}"
    return unique


def _memory(card: Json, what: str) -> float | None:
    """`VRAM Total Memory (B)` of rocm-smi, `vram Total Memory (MiB)` of hy-smi."""
    for key, value in card.items() if isinstance(card, dict) else ():
        found = re.fullmatch(rf"vram {what} \((\w+)\)", key, re.IGNORECASE)
        if found and isinstance(value, str | int | float):
            return in_bytes(value, unit=found[1])
    return None


def _use(card: Json) -> Raw:
    for maker in ("GPU", "DCU", "HCU"):
        if (value := words(card, f"{maker} use (%)")) is not None:
            return value
    return None


def _temperature(card: Json) -> Raw:
    told = (words(card, f"Temperature (Sensor {sensor}) (C)") for sensor in TEMPERATURES)
    return next((value for value in told if value), None)


def _power(card: Json, *kinds: str) -> Raw:
    told = (words(card, f"{kind} Graphics Package Power (W)") for kind in kinds)
    return next((value for value in told if value), None)


def _links(document: Json, index: int, *, fabric: str) -> tuple[Link, ...]:
    """Told once per pair, under `system`."""
    system = at(document, "system")
    found: list[Link] = []
    for key, value in system.items() if isinstance(system, dict) else ():
        pair = re.fullmatch(r"\(Topology\) Link type between DRM devices (\d+) and (\d+)", key)
        ends = {int(pair[1]), int(pair[2])} if pair else set[int]()
        if index in ends and value == "XGMI":
            found.append(Link(peer_index=(ends - {index}).pop(), kind=LinkKind.FABRIC, name=fabric))
    return tuple(sorted(found, key=lambda link: link.peer_index))
