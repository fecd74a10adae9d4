"""libdcmi, the library under `npu-smi`.

Layouts and prototypes are those of dcmi_interface_api.h as Ascend ships it in its own repositories under Apache 2.0
(ascend-docker-runtime, mind-cluster's devmanager, the driver); the tests hold them against a C compiler. Memory is in
MB, which to Ascend means MiB (a 64 GB card says 65536), power in tenths of a watt. Never run on a card here.
"""

import ctypes

from appliance.hardware.inventory import (
    Accelerator,
    BusId,
    Detected,
    Health,
    HealthState,
    Link,
    LinkKind,
)
from appliance.hardware.vendors import ascend_structures as dcmi
from appliance.hardware.vendors.ascend_chips import Chip, chips_of
from appliance.hardware.vendors.ascend_names import generation_of, selectors
from appliance.hardware.vendors.ascend_slices import partitioning_of
from appliance.hardware.vendors.ascend_versions import cann_version
from appliance.hardware.vendors.c_library import CLibrary, Integer, text_of
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.numbers import MIB, scaled
from appliance.hardware.vendors.places import address, numa_node
from appliance.hardware.world import World

PATHS = ("/usr/local/dcmi/libdcmi.so", "/usr/local/Ascend/driver/lib64/driver/libdcmi.so", "libdcmi.so")
QUIET = (-8255, -8013, -8002)
"""Not supported, not supported in a container, not permitted."""
MOST_ERRORS = 128
AI_CORE = 2
TENTHS = 10
HBM, VDIE = 2, 1
HEALTH = {0: HealthState.OK, 1: HealthState.WARNING, 2: HealthState.FAILED, 3: HealthState.FAILED}
GONE = 0xFFFFFFFF
LINKS = {
    1: (LinkKind.SYS, None),
    2: (LinkKind.PHB, None),
    3: (LinkKind.FABRIC, "HCCS"),
    4: (LinkKind.PXB, None),
    5: (LinkKind.PIX, None),
    6: (LinkKind.FABRIC, "SIO"),
    7: (LinkKind.FABRIC, "HCCS_SW"),
}
"""SIO joins the two dies of a 910C."""


def from_library(world: World) -> Detected:
    library = CLibrary(world.shared_library(*PATHS), name="libdcmi.so", quiet=QUIET)
    library.must("dcmi_init")
    chips = tuple(chips_of(library))
    driver = library.text("dcmi_get_driver_version")
    figures = Figures("ascend")
    found = figures.distinct(
        _accelerator(world, library, chip, figures=figures, driver=driver, links=_links(library, chip, chips))
        for chip in chips
    )
    return Detected(accelerators=found, source="library", problems=(*library.problems("ascend"), *figures.problems))


def _accelerator(
    world: World,
    library: CLibrary,
    chip: Chip,
    *,
    figures: Figures,
    driver: str | None,
    links: tuple[Link, ...],
) -> Accelerator:
    name = _name(library, chip)
    place = _place(library, chip)
    uuid = _die(library, chip)
    total, used = figures.memory(*_memory(library, chip), card=chip.logic_id)
    return Accelerator(
        family="cann",
        vendor="ascend",
        name=name,
        index=chip.logic_id,
        uuid=uuid,
        bus_id=place,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(
            _figure(library, "dcmi_get_device_utilization_rate", chip, AI_CORE, kind=ctypes.c_uint),
            card=chip.logic_id,
        ),
        temperature_celsius=figures.celsius(_figure(library, "dcmi_get_device_temperature", chip), card=chip.logic_id),
        power_watts=figures.watts(_watts(library, chip), card=chip.logic_id),
        driver_version=driver,
        runtime_version=cann_version(world),
        architecture=name.replace(" ", ""),
        health=_health(library, chip),
        numa_node=numa_node(world.pci, place),
        links=links,
        partitioning=partitioning_of(library, chip, generation=generation_of(name)),
        selectors=selectors(world, name=name, logic_id=chip.logic_id, physical_id=_physical_id(library, chip)),
    )


def _name(library: CLibrary, chip: Chip) -> str:
    newer, older = dcmi.ChipIdentityV2(), dcmi.ChipIdentity()
    if library.has("dcmi_get_device_chip_info_v2"):
        answered, said = _fill(library, "dcmi_get_device_chip_info_v2", chip, newer), newer.chip_name
    else:
        answered, said = _fill(library, "dcmi_get_device_chip_info", chip, older), older.chip_name
    name = (text_of(bytes(said)) if answered else None) or "NPU"
    return name if name.startswith("Ascend") else f"Ascend {name}"


def _place(library: CLibrary, chip: Chip) -> BusId | None:
    place = dcmi.PciePlace()
    if not _fill(library, "dcmi_get_device_pcie_info_v2", chip, place):
        return None
    return address(place.domain, place.bdf_busid, place.bdf_deviceid, place.bdf_funcid)


def _die(library: CLibrary, chip: Chip) -> str | None:
    """The die id, five words in hexadecimal: the only identity that a chip keeps."""
    die = dcmi.DieId()
    if not library.did("dcmi_get_device_die_v2", chip.card, chip.device, VDIE, ctypes.byref(die)):
        return None
    return "-".join(f"{word:08X}" for word in die.soc_die) if any(die.soc_die) else None


def _memory(library: CLibrary, chip: Chip) -> tuple[float | None, float | None]:
    """The 310 family has no HBM; its DDR tells what is available instead of what is used."""
    hbm, ddr = dcmi.HbmInUse(), dcmi.MemoryInUseV3()
    if _fill(library, "dcmi_get_device_hbm_info", chip, hbm) and hbm.memory_size:
        return hbm.memory_size * MIB, hbm.memory_usage * MIB
    if _fill(library, "dcmi_get_device_memory_info_v3", chip, ddr):
        return ddr.memory_size * MIB, (ddr.memory_size - ddr.memory_available) * MIB
    return None, None


def _watts(library: CLibrary, chip: Chip) -> float | None:
    return scaled(_figure(library, "dcmi_get_device_power_info", chip), TENTHS)


def _health(library: CLibrary, chip: Chip) -> Health:
    code, ecc = ctypes.c_uint(), dcmi.EccCounts()
    if not library.did("dcmi_get_device_health", chip.card, chip.device, ctypes.byref(code)):
        return Health()
    state = HealthState.FAILED if code.value == GONE else HEALTH.get(code.value, HealthState.UNKNOWN)
    reasons = ["The chip is missing or was not started."] if code.value == GONE else []
    if code.value not in (0, GONE):
        reasons += [f"Ascend fault code {error:08X}." for error in _errors(library, chip)]
    asked = library.did("dcmi_get_device_ecc_info", chip.card, chip.device, HBM, ctypes.byref(ecc))
    if asked and ecc.double_bit_error_cnt:
        reasons.append(f"{ecc.double_bit_error_cnt} uncorrected ECC errors in HBM.")
        state = HealthState.WARNING if state is HealthState.OK else state
    return Health(state=state, reasons=tuple(reasons))


def _errors(library: CLibrary, chip: Chip) -> list[int]:
    count, codes = ctypes.c_int(), (ctypes.c_uint * MOST_ERRORS)()
    asked = library.did(
        "dcmi_get_device_errorcode_v2", chip.card, chip.device, ctypes.byref(count), codes, ctypes.c_uint(MOST_ERRORS)
    )
    return list(codes[: max(0, min(count.value, MOST_ERRORS))]) if asked else []


def _links(library: CLibrary, chip: Chip, chips: tuple[Chip, ...]) -> tuple[Link, ...]:
    found: list[Link] = []
    for peer in chips:
        kind = ctypes.c_int()
        if peer == chip or not library.did(
            "dcmi_get_topo_info_by_device_id", chip.card, chip.device, peer.card, peer.device, ctypes.byref(kind)
        ):
            continue
        if kind.value in LINKS:
            link, name = LINKS[kind.value]
            found.append(Link(peer_index=peer.logic_id, kind=link, name=name))
    return tuple(found)


def _physical_id(library: CLibrary, chip: Chip) -> int | None:
    return library.number("dcmi_get_device_phyid_from_logicid", ctypes.c_uint(chip.logic_id))


def _fill(library: CLibrary, symbol: str, chip: Chip, answer: ctypes.Structure) -> bool:
    return library.did(symbol, chip.card, chip.device, ctypes.byref(answer))


def _figure(library: CLibrary, name: str, chip: Chip, *more: int, kind: Integer = ctypes.c_int) -> int | None:
    return library.number(name, chip.card, chip.device, *more, kind=kind)
