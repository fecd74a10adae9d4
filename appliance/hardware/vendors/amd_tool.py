"""AMD cards as `amd-smi static --json` and `amd-smi metric --json` print them (ROCm 6: a list; 7: under `gpu_data`)."""

from appliance.hardware.inventory import Accelerator, Detected, Health, Partitioning, Problem
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.vendors.documents import Json, at, entries, figure, parse, words
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import in_bytes, number
from appliance.hardware.vendors.places import bus_id, numa_node
from appliance.hardware.vendors.questions import Answer, ask_together, needed
from appliance.hardware.vendors.rocm import KfdNode, Maker, Survey, selectors, survey
from appliance.hardware.world import VendorFailed, World

FOLDERS = ("opt/rocm/bin",)


def from_amd_smi(world: World, maker: Maker) -> Detected:
    described, measured = ask_together(world, "amd-smi", ("static", "--json"), ("metric", "--json"), folders=FOLDERS)
    cards = _by_gpu(parse(needed(described), tool="amd-smi static"))
    if not cards:
        raise VendorFailed("amd-smi lists no card.")
    metrics, silence = _metrics(measured, brand=maker.brand)
    seen = survey(world, maker)
    found = tuple(_card(seen, card, metrics.get(index), index) for index, card in cards.items())
    problems = (*silence, *(seen.figures.problems if metrics else ()))
    return Detected(accelerators=found, source="tool", problems=problems)


def _metrics(measured: Answer, *, brand: Brand) -> tuple[dict[int, Json], tuple[Problem, ...]]:
    """Cards without figures are better than none: a metric that fails is a Problem beside them."""
    try:
        return _by_gpu(parse(needed(measured), tool="amd-smi metric")), ()
    except VendorFailed as error:
        return {}, (brand.problem(f"amd-smi metric: {error}"),)


def _by_gpu(document: Json) -> dict[int, Json]:
    rows = entries(document) or entries(at(document, "gpu_data"))
    numbered = ((number(figure(row, "gpu")), row) for row in rows)
    return {int(index): row for index, row in numbered if index is not None}


def _card(seen: Survey, card: Json, metric: Json, index: int) -> Accelerator:
    world, maker, figures = seen.world, seen.maker, seen.figures
    place = bus_id(words(card, "bus", "bdf"))
    node = seen.nodes.take(place)
    total = in_bytes(figure(metric, "mem_usage", "total_vram"))
    size = total if total is not None else in_bytes(figure(card, "vram", "size"))
    memory, used = figures.memory(size, in_bytes(figure(metric, "mem_usage", "used_vram")), card=index)
    temperature = figures.celsius(_temperature(metric), card=index)
    architecture = _architecture(card, node)
    return Accelerator(
        family=maker.brand.family,
        vendor=maker.brand.name,
        name=words(card, "asic", "market_name") or words(card, "board", "product_name") or "AMD card",
        index=index,
        uuid=_uuid(card),
        bus_id=place,
        memory_bytes=memory,
        memory_used_bytes=used,
        utilization=figures.share(figure(metric, "usage", "gfx_activity"), card=index),
        temperature_celsius=temperature,
        power_watts=figures.watts(figure(metric, "power", "socket_power"), card=index),
        power_limit_watts=figures.watts_limit(_limit(card), card=index),
        driver_version=words(card, "driver", "version") or maker.driver_version(world),
        runtime_version=maker.runtime_version(world),
        compute_capability=architecture,
        architecture=architecture,
        health=_health(card, metric, temperature=temperature),
        numa_node=numa_node(seen.devices, place),
        partitioning=_partitioning(card),
        selectors=selectors(world, maker, index=index, node=node),
    )


def _temperature(metric: Json) -> str | float | int | None:
    told = (figure(metric, "temperature", sensor) for sensor in ("hotspot", "edge", "mem"))
    return next((value for value in told if number(value) is not None), None)


def _limit(card: Json) -> str | float | int | None:
    """Flat until ROCm 7.1, by profile (`ppt0`) since."""
    paths = (("limit", "socket_power"), ("limit", "ppt0", "socket_power_limit"), ("limit", "max_power"))
    return next((value for path in paths if number(value := figure(card, *path)) is not None), None)


def _uuid(card: Json) -> str | None:
    """The serial of the chip is the unique id by which ROCr selects."""
    serial = words(card, "asic", "asic_serial")
    return f"GPU-{serial[2:].lower().rjust(16, '0')}" if serial and serial.lower().startswith("0x") else serial


def _architecture(card: Json, node: KfdNode | None) -> str | None:
    return words(card, "asic", "target_graphics_version") or (node.architecture if node else None)


def _health(card: Json, metric: Json, *, temperature: float | None) -> Health:
    failed: list[str] = []
    warnings: list[str] = []
    uncorrected = number(figure(metric, "ecc", "total_uncorrectable_count"))
    if uncorrected:
        failed.append(f"{uncorrected:g} uncorrected ECC errors since the driver was loaded: reset the card.")
    slowdown = number(figure(card, "limit", "slowdown_hotspot_temperature"))
    if temperature and slowdown and temperature >= slowdown:
        warnings.append(f"{temperature:g} °C, and it slows down at {slowdown:g}.")
    return health(failed=failed, warnings=warnings, asked=uncorrected is not None)


def _partitioning(card: Json) -> Partitioning:
    """Under `partition`; ROCm 7 calls the first `accelerator_partition`."""
    compute = words(card, "partition", "compute_partition") or words(card, "partition", "accelerator_partition")
    parts = (compute, words(card, "partition", "memory_partition"))
    return Partitioning(mode="/".join(part for part in parts if part) or None)
