"""NVIDIA cards as nvidia-smi prints them: `-q -x` (its DTD's versions 11 to 13), `topo -m` and `-L`."""

import re
from xml.etree import ElementTree

from appliance.hardware.inventory import (
    Accelerator,
    Detected,
    Health,
    Link,
    LinkKind,
    Partition,
    Partitioning,
    Problem,
)
from appliance.hardware.vendors.nvidia_names import HINT, PCI_ID, selectors
from appliance.hardware.vendors.places import bus_id, numa_node, unlisted
from appliance.hardware.vendors.questions import Answer, ask_together, needed
from appliance.hardware.vendors.readings import Figures, health_of, in_bytes, number
from appliance.hardware.world import VendorFailed, World

UNDERLINE = re.compile(r"\x1b\[[0-9;]*m")
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
    figures = Figures("nvidia")
    slices = _slices(listed)
    cards = tuple(
        _card(world, log, gpu, index=index, figures=figures, slices=slices.get(index, ()))
        for index, gpu in enumerate(log.findall("gpu"))
    )
    if not cards:
        raise VendorFailed("nvidia-smi lists no card.")
    links = _links(drawn, count=len(cards))
    problems = (
        *figures.problems,
        *_silent(drawn, "topo -m"),
        *unlisted(world.cards(PCI_ID), (card.bus_id for card in cards), vendor="nvidia"),
    )
    return Detected(
        accelerators=tuple(card.model_copy(update={"links": links[card.index]}) for card in cards),
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
    place = bus_id(gpu.get("id", ""))
    uuid = gpu.findtext("uuid")
    minor = number(gpu.findtext("minor_number"))
    total, used = figures.memory(
        in_bytes(gpu.findtext("fb_memory_usage/total"), unit="mib"),
        in_bytes(gpu.findtext("fb_memory_usage/used"), unit="mib"),
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
        numa_node=numa_node(world.cards(PCI_ID), place),
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
    return health_of(failed=failed, warnings=warnings, remarks=remarks, asked=True)


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
        size = in_bytes(one.findtext("fb_memory_usage/total"), unit="mib")
        parts.append(Partition(name=name, uuid=uuid, memory_bytes=int(size or 0)))
    return Partitioning(mode="mig", partitions=tuple(parts))


def _slices(listed: Answer) -> dict[int, tuple[tuple[str, str], ...]]:
    found: dict[int, tuple[tuple[str, str], ...]] = {}
    card = -1
    for line in listed.splitlines() if isinstance(listed, str) else ():
        if start := CARD.match(line):
            card = int(start[1])
        elif part := SLICE.match(line):
            found[card] = (*found.get(card, ()), (part[1], part[2]))
    return found


def _links(drawn: Answer, *, count: int) -> dict[int, tuple[Link, ...]]:
    """Rows `GPU3 NV18 NV18 ... X ... PXB`: the first `count` columns are the cards, network cards come after."""
    links: dict[int, tuple[Link, ...]] = dict.fromkeys(range(count), ())
    for line in UNDERLINE.sub("", drawn).splitlines() if isinstance(drawn, str) else ():
        words = line.split()
        if not words or not re.fullmatch(r"GPU\d+", words[0]) or "X" not in words:
            continue
        index, cells = int(words[0][3:]), words[1 : count + 1]
        if index in links:
            links[index] = tuple(
                link for peer, cell in enumerate(cells) if peer != index and (link := _link(peer, cell))
            )
    return links


def _link(peer: int, cell: str) -> Link | None:
    if re.fullmatch(r"NV\d+", cell):
        return Link(peer_index=peer, kind=LinkKind.FABRIC, name=cell)
    kind = next((one for one in LinkKind if one.value == cell.lower()), None)
    return Link(peer_index=peer, kind=kind) if kind else None


def _silent(answer: Answer, question: str) -> tuple[Problem, ...]:
    if not isinstance(answer, VendorFailed):
        return ()
    return (Problem(vendor="nvidia", message=f"nvidia-smi {question}: {answer}", hint=HINT),)
