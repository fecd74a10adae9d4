"""Intel GPUs as Intel's `xpu-smi` prints them (intel/xpumanager); asked only behind Intel's PCI id.

Kunlunxin's tool has the same name, and on a machine with both an answer without `device_list` is not ours.
"""

from appliance.hardware.inventory import Accelerator, Detected
from appliance.hardware.vendors.documents import Json, at, entries, figure, parse, words
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.intel_gpu_names import BRAND, selectors
from appliance.hardware.vendors.numbers import Raw, in_bytes, number
from appliance.hardware.vendors.places import bus_id, device_at, numa_node
from appliance.hardware.vendors.questions import Answer, ask_together, needed
from appliance.hardware.world import VendorFailed, World

MOST_CARDS = 16


def from_tool(world: World) -> Detected:
    """It tells figures of one card at a time, so all are asked about together, by their numbers on the bus."""
    devices = BRAND.cards(world)
    numbers = [str(number) for number in range(min(len(devices), MOST_CARDS))]
    listed, *answers = ask_together(
        world,
        "xpu-smi",
        ("discovery", "-j"),
        *(("discovery", "-d", number, "-j") for number in numbers),
        *(("stats", "-d", number, "-j") for number in numbers),
    )
    rows = [row for row in entries(at(parse(needed(listed), tool="xpu-smi"), "device_list")) if _index(row) is not None]
    if not rows:
        raise VendorFailed("xpu-smi lists no card.")
    details = _documents(answers[: len(numbers)])
    stats = _documents(answers[len(numbers) :])
    figures = Figures("intel", tells_silence=True)
    found = tuple(_card(world, row, details, stats, figures) for row in rows if _is_card(row))
    return Detected(accelerators=found, source="tool", problems=figures.problems)


def _index(row: Json) -> int | None:
    value = number(figure(row, "device_id"))
    return None if value is None else int(value)


def _is_card(row: Json) -> bool:
    """Neither a virtual function nor another kind of device."""
    kind, function = words(row, "device_type"), words(row, "device_function_type")
    return (kind or "GPU") == "GPU" and (function or "physical") == "physical"


def _documents(answers: list[Answer]) -> dict[int, Json]:
    """By the card's number; a card without an answer has no entry."""
    found: dict[int, Json] = {}
    for answer in answers:
        try:
            document = parse(needed(answer), tool="xpu-smi")
        except VendorFailed:
            continue
        index = _index(document)
        if index is not None:
            found[index] = document
    return found


def _card(world: World, row: Json, details: dict[int, Json], stats: dict[int, Json], figures: Figures) -> Accelerator:
    index = _index(row) or 0
    detail, stat = details.get(index), stats.get(index)
    devices = BRAND.cards(world)
    place = bus_id(words(row, "pci_bdf_address"))
    size = figure(detail, "memory_physical_size_byte")
    total = size if size is not None else figure(row, "memory_physical_size_byte")
    memory, used = figures.memory(
        in_bytes(total, unit="b"), in_bytes(_metric(stat, "MEMORY_USED", sum_of=True)), card=index
    )
    return Accelerator(
        family="xpu",
        vendor="intel",
        name=words(row, "device_name") or BRAND.product(device_at(devices, place), unknown="Intel GPU"),
        index=index,
        uuid=words(row, "uuid"),
        bus_id=place,
        memory_bytes=memory,
        memory_used_bytes=used,
        utilization=figures.share(_metric(stat, "GPU_UTILIZATION"), card=index),
        temperature_celsius=figures.celsius(_metric(stat, "GPU_CORE_TEMPERATURE"), card=index),
        power_watts=figures.watts(_metric(stat, "POWER", sum_of=True), card=index),
        driver_version=words(detail, "driver_version"),
        numa_node=numa_node(devices, place),
        selectors=selectors(world, devices, index=index, place=place),
    )


def _metric(stat: Json, name: str, *, sum_of: bool = False) -> Raw:
    """Of the card, else of its tiles: together (`sum_of`), or the highest."""
    whole = _values(at(stat, "device_level"), name)
    if whole:
        return whole[0]
    tiles = [value for tile in entries(at(stat, "tile_level")) for value in _values(at(tile, "data_list"), name)]
    if not tiles:
        return None
    return sum(tiles) if sum_of else max(tiles)


def _values(rows: Json, name: str) -> list[float]:
    told = (number(figure(row, "value")) for row in entries(rows) if words(row, "metrics_type") == f"XPUM_STATS_{name}")
    return [value for value in told if value is not None]
