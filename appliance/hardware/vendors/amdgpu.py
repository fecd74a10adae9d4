"""Cards of amdgpu and its descendants from /sys alone (kernel: gpu/amdgpu/driver-misc, thermal, ras).

The last resort, and a good one: memory, load, temperature, power and uncorrected errors without any of ROCm installed.
"""

from pathlib import Path

from appliance.hardware.inventory import Accelerator, Detected, Health, Partitioning
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.rocm import Maker, Survey, selectors, survey
from appliance.hardware.world import World

MICRO = 1_000_000
MILLI = 1000
RAS_BLOCKS = ("umc", "sdma", "gfx", "mmhub", "xgmi_wafl")


def from_sysfs(world: World, maker: Maker) -> Detected:
    seen = survey(world, maker)
    if not any((device.path / "mem_info_vram_total").exists() for device in seen.devices):
        return maker.brand.bare(world)
    cards = tuple(_card(seen, device, index) for index, device in enumerate(seen.devices))
    return Detected(accelerators=cards, source="pci", problems=seen.figures.problems)


def _card(seen: Survey, device: PciDevice, index: int) -> Accelerator:
    world, maker, figures = seen.world, seen.maker, seen.figures
    node = seen.nodes.take(device.bus_id)
    sensors = next(iter(sorted((device.path / "hwmon").glob("hwmon*"))), device.path / "hwmon")
    memory, used = figures.memory(
        _text(device.path / "mem_info_vram_total"), _text(device.path / "mem_info_vram_used"), card=index
    )
    unique = _text(device.path / "unique_id")
    return Accelerator(
        family=maker.brand.family,
        vendor=maker.brand.name,
        name=_text(device.path / "product_name") or maker.brand.product(device),
        index=index,
        uuid=f"GPU-{unique.removeprefix('0x').rjust(16, '0')}" if unique else None,
        bus_id=device.bus_id,
        memory_bytes=memory,
        memory_used_bytes=used,
        utilization=figures.share(_text(device.path / "gpu_busy_percent"), card=index),
        temperature_celsius=figures.celsius(_scaled(sensors, "temp2_input", "temp1_input", by=MILLI), card=index),
        power_watts=figures.watts(_scaled(sensors, "power1_input", "power1_average", by=MICRO), card=index),
        power_limit_watts=figures.watts_limit(_scaled(sensors, "power1_cap", by=MICRO), card=index),
        driver_version=maker.driver_version(world),
        runtime_version=maker.runtime_version(world),
        compute_capability=node.architecture if node else None,
        architecture=node.architecture if node else None,
        health=_health(device),
        numa_node=device.numa_node,
        partitioning=_partitioning(device),
        selectors=selectors(world, maker, index=index, node=node),
    )


def _health(device: PciDevice) -> Health:
    """`ue: 0` and `ce: 0`, one file per block that has error counters."""
    counts = (_text(device.path / "ras" / f"{block}_err_count") for block in RAS_BLOCKS)
    told = [count for count in counts if count]
    uncorrected = sum(
        int(words[1])
        for count in told
        for line in count.splitlines()
        if (words := line.split())[:1] == ["ue:"] and len(words) == 2 and words[1].isdecimal()
    )
    failed = [f"{uncorrected} uncorrected ECC errors since the driver was loaded: reset the card."]
    return health(failed=failed if uncorrected else [], asked=bool(told))


def _partitioning(device: PciDevice) -> Partitioning:
    modes = (_text(device.path / f"current_{kind}_partition") for kind in ("compute", "memory"))
    return Partitioning(mode="/".join(mode for mode in modes if mode) or None)


def _scaled(folder: Path, *names: str, by: int) -> float | None:
    """temp2 is the hot spot, temp1 the edge."""
    told = next((text for name in names if (text := _text(folder / name))), None)
    return float(told) / by if told and told.lstrip("-").isdecimal() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except (OSError, UnicodeDecodeError):
        return None
