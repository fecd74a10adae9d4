"""NVIDIA cards as nvidia-smi prints them: `-q -x` (its DTD's versions 11 to 13), `topo -m` and `-L`."""

import re
from dataclasses import replace
from xml.etree import ElementTree

from appliance.hardware.inventory import (
    Accelerator,
    Detected,
    Health,
    Partition,
    Partitioning,
)
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import in_bytes, number
from appliance.hardware.vendors.nvidia_names import BRAND, HINT, mig_partition, selectors
from appliance.hardware.vendors.places import bus_id, numa_node
from appliance.hardware.vendors.questions import ask_together, needed, printed, unanswered
from appliance.hardware.vendors.topology_matrix import NO_LINKS, read_links
from appliance.hardware.world import VendorFailed, World

FABRIC = re.compile(r"NV\d+")
SLICE = re.compile(r"^\s+MIG\s+(\S+)\s+Device\s+\d+:\s+\(UUID:\s*(\S+?)\)")
CARD = re.compile(r"^GPU (\d+):")
THROTTLE = {
    "hw_slowdown": "the hardware slows its clocks down",
    "hw_thermal_slowdown": "it is too hot: the hardware slows its clocks down",
    "hw_power_brake_slowdown": "the power supply asks it to slow down (power brake)",
}


def from_tool(world: World) -> Detected:
    described, drawn, listed = ask_together(world, "nvidia-smi", ("-q", "-x"), ("topo", "-m"), ("-L",))
    try:
        log = ElementTree.fromstring(needed(described))  # noqa: S314 (the driver's own tool; expat bounds expansion)
    except ElementTree.ParseError as error:
        raise VendorFailed(f"nvidia-smi -q -x did not print XML ({error}).") from error
    figures = Figures("nvidia", tells_silence=True)
    slices = _slices(printed(listed))
    cards = tuple(
        _card(world, log, gpu, index=index, figures=figures, slices=slices.get(index, ()))
        for index, gpu in enumerate(log.findall("gpu"))
    )
    if not cards:
        raise VendorFailed("nvidia-smi lists no card.")
    links = read_links(printed(drawn), prefix="GPU", fabric=FABRIC)
    problems = (
        *figures.problems,
        *unanswered(drawn, "nvidia-smi topo -m", vendor="nvidia", hint=HINT, costs=NO_LINKS),
    )
    return Detected(
        accelerators=tuple(replace(card, links=links.get(card.index, ())) for card in cards),
        source="tool",
        problems=problems,
    )


def _card(
    world: World,
    log: ElementTree.Element,
    gpu: ElementTree.Element,
    *,
    index: int,
    figures: Figures,
    slices: tuple[tuple[str, str], ...],
) -> Accelerator:
    mig = gpu.findtext("mig_mode/current_mig") == "Enabled"
    place = bus_id(gpu.get("id"))
    uuid = gpu.findtext("uuid")
    minor = number(gpu.findtext("minor_number"))
    total, used = figures.memory(
        in_bytes(gpu.findtext("fb_memory_usage/total")),
        in_bytes(gpu.findtext("fb_memory_usage/used")),
        card=index,
    )
    return Accelerator(
        family="cuda",
        vendor="nvidia",
        name=gpu.findtext("product_name") or "NVIDIA card",
        index=index,
        uuid=uuid,
        bus_id=place,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(gpu.findtext("utilization/gpu_util"), card=index, expected=not mig),
        temperature_celsius=figures.celsius(gpu.findtext("temperature/gpu_temp"), card=index),
        power_watts=figures.watts(_power(gpu, "power_draw", "instant_power_draw", "average_power_draw"), card=index),
        power_limit_watts=figures.watts_limit(
            _power(gpu, "current_power_limit", "enforced_power_limit", "power_limit"), card=index
        ),
        driver_version=log.findtext("driver_version"),
        runtime_version=log.findtext("cuda_version"),
        architecture=gpu.findtext("product_architecture"),
        health=_health(gpu),
        numa_node=numa_node(BRAND.cards(world), place),
        partitioning=_partitioning(gpu, slices) if mig else Partitioning(),
        selectors=selectors(world, index=index, uuid=uuid, minor=int(minor) if minor is not None else None),
    )


def _power(gpu: ElementTree.Element, *names: str) -> str | None:
    """The tool has called these by several names; a name may stand there with N/A."""
    folders = ("gpu_power_readings", "power_readings")
    told = (gpu.findtext(f"{folder}/{name}") for folder in folders for name in names)
    return next((text for text in told if number(text) is not None), None)


def _health(gpu: ElementTree.Element) -> Health:
    failed: list[str] = []
    warnings: list[str] = []
    remarks: list[str] = []
    if gpu.findtext("gpu_reset_status/reset_required") == "Yes":
        failed.append("The card must be reset.")
    if uncorrected := _uncorrected(gpu, "volatile"):
        failed.append(f"{uncorrected} uncorrected ECC errors since the last reset: reset the card.")
    if ever := _uncorrected(gpu, "aggregate"):
        remarks.append(f"{ever} uncorrected ECC errors in its life.")
    if gpu.findtext("remapped_rows/remapped_row_failure") == "Yes":
        failed.append("A row of its memory could not be remapped: have the card replaced.")
    if gpu.findtext("remapped_rows/remapped_row_pending") == "Yes":
        warnings.append("A row of its memory waits to be remapped: reset the card.")
    if gpu.findtext("retired_pages/pending_retirement") == "Yes":
        warnings.append("A page of its memory waits to be retired: reset the card.")
    for folder in ("clocks_event_reasons/clocks_event_reason", "clocks_throttle_reasons/clocks_throttle_reason"):
        active = (words for name, words in THROTTLE.items() if gpu.findtext(f"{folder}_{name}") == "Active")
        warnings += [f"Throttled: {words}." for words in active]
    if gpu.findtext("fabric/state") in ("Not Started", "In Progress"):
        failed.append("The NVSwitch fabric is not ready: start nvidia-fabricmanager.")
    return health(failed=failed, warnings=warnings, remarks=remarks)


def _uncorrected(gpu: ElementTree.Element, since: str) -> int:
    """Since Ampere by kind of memory, before that a total under double_bit."""
    folder = gpu.find(f"ecc_errors/{since}")
    if folder is None:
        return 0
    wanted = [one for one in folder if "uncorrectable" in one.tag and "threshold" not in one.tag]
    total = folder.find("double_bit/total")
    return sum(int(number(one.text) or 0) for one in (*wanted, *([total] if total is not None else [])))


def _partitioning(gpu: ElementTree.Element, slices: tuple[tuple[str, str], ...]) -> Partitioning:
    """The XML has each slice's memory, `-L` its name and UUID; both in the same order."""
    parts: list[Partition] = []
    for position, one in enumerate(gpu.findall("mig_devices/mig_device")):
        name, uuid = slices[position] if position < len(slices) else (f"MIG device {position}", "")
        size = in_bytes(one.findtext("fb_memory_usage/total"))
        parts.append(mig_partition(name=name, uuid=uuid, memory_bytes=int(size or 0)))
    return Partitioning(mode="mig", partitions=tuple(parts))


def _slices(listed: str) -> dict[int, tuple[tuple[str, str], ...]]:
    found: dict[int, tuple[tuple[str, str], ...]] = {}
    card = -1
    for line in listed.splitlines():
        if start := CARD.match(line):
            card = int(start[1])
        elif part := SLICE.match(line):
            found[card] = (*found.get(card, ()), (part[1], part[2]))
    return found
