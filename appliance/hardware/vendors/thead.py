"""T-Head PPU (Alibaba, PCI 1ded): libhgml.so, then ppu-smi, then the PCI bus.

HGML repeats NVML under the prefix `hgml`, with `Hggc` for `Cuda`: gpustack-runtime `pyhgml`; the tool: T-Head SAIL,
"PPU-SMI" manual. Alibaba's network devices have the same PCI vendor id, so the class decides. Uncorrected ECC errors
are a warning: T-Head's driver manual has the driver take the page out of use. ICN links to single neighbours are not
read: no public binding names the call. Run against libraries built from the bindings and the manual's table only.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import replace

from appliance.hardware.inventory import Detected, Health, Selectors
from appliance.hardware.vendors import nvml_shaped
from appliance.hardware.vendors.c_calls import Calls
from appliance.hardware.vendors.figures import Checker, Figures, cards_on_bus, health, unlisted
from appliance.hardware.vendors.smi_table import read_table, read_uuids, version
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
from appliance.hardware.world import VendorFailed, World

NAME, FAMILY, PCI_ID = "thead", "hggc", "1ded"
LIBRARIES = ("/usr/local/PPU_SDK/lib64/libhgml.so", "/usr/local/PPU_SDK/lib/libhgml.so", "libhgml.so")
TOOL_FOLDERS = ("usr/local/PPU_SDK/bin", "usr/local/PPU_SDK/ppu-smi/bin")
TOOL_ENVIRON = {"LD_LIBRARY_PATH": "/usr/local/PPU_SDK/lib64:/usr/local/PPU_SDK/lib"}
HINT = "Install the PPU driver and T-Head's SDK under /usr/local/PPU_SDK, and see that `ppu-smi` shows the cards."


def is_present(world: World) -> bool:
    return bool(cards_on_bus(world, PCI_ID))


def detect(world: World) -> Detected:
    ways = (("libhgml", from_library), ("ppu-smi", from_tool))
    return first_that_works(world, vendor=NAME, ways=ways, bare=bare, hint=HINT)


def from_library(world: World) -> Detected:
    library = world.shared_library(*LIBRARIES)
    dialect = nvml_shaped.Dialect("hgml", "Hggc", health=hgml_health, has_mig=True)
    figures, minors, calls = nvml_shaped.read(library, dialect)
    checker = Checker(NAME, FAMILY)
    calls.report(checker)
    return conclude(world, figures, minors, checker)


def hgml_health(calls: Calls, handle: ctypes.c_void_p) -> Health:
    errors = nvml_shaped.uncorrected_errors(calls, "hgml", handle)
    return Health() if errors is None else ecc_health(errors)


def ecc_health(errors: int) -> Health:
    return health(warnings=[f"{errors} uncorrected ECC errors since the driver started."] if errors else [])


def from_tool(world: World) -> Detected:
    """The table has no uuids; `ppu-smi -L` has."""
    placed = replace(world, environ={**TOOL_ENVIRON, **world.environ})
    output = placed.tool("ppu-smi", folders=TOOL_FOLDERS)
    checker = Checker(NAME, FAMILY)
    rows = read_table(output)
    uuids = listed_uuids(placed, checker)
    for card, block in rows:
        card.uuid, card.runtime_version = uuids.get(card.index), version(output, "HGGC")
        errors = block.splitlines()[0].rstrip("| ").rpartition("|")[2].strip()
        card.health = ecc_health(int(errors)) if errors.isdigit() else Health()
    figures = [card for card, _ in rows]
    found = conclude(world, figures, [None] * len(figures), checker)
    return found.model_copy(update={"source": "tool"})


def listed_uuids(world: World, checker: Checker) -> dict[int, str]:
    try:
        return read_uuids(world.tool("ppu-smi", "-L", folders=TOOL_FOLDERS))
    except VendorFailed as error:
        checker.say(f"The cards' uuids are unknown: {error}", hint=HINT)
        return {}


def conclude(world: World, figures: Sequence[Figures], minors: Sequence[int | None], checker: Checker) -> Detected:
    cards = tuple(
        checker.card(card, selectors=selectors(card, minor)) for card, minor in zip(figures, minors, strict=True)
    )
    cards += unlisted(cards, cards_on_bus(world, PCI_ID), checker=checker)
    return Detected(accelerators=cards, problems=tuple(checker.problems))


def selectors(card: Figures, minor: int | None) -> Selectors:
    """`/dev/alixpu_ppu<minor>` per card (PPU-SMI manual), and two nodes that PPU images warn of when missing."""
    shared = ("/dev/alixpu", "/dev/alixpu_ctl")
    return Selectors(
        process={"CUDA_VISIBLE_DEVICES": str(card.index)},
        container={"NVIDIA_VISIBLE_DEVICES": card.uuid or str(card.index)},
        device_nodes=() if minor is None else (f"/dev/alixpu_ppu{minor}", *shared),
        kubernetes="alibabacloud.com/ppu",
    )


def bare(world: World) -> Detected:
    return from_pci(cards_on_bus(world, PCI_ID), vendor=NAME, family=FAMILY, products={})


VENDOR = Vendor(name=NAME, family=FAMILY, pci_ids=(PCI_ID,), is_present=is_present, detect=detect)
