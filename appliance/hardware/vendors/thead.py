"""T-Head PPU (Alibaba, PCI 1ded): libhgml.so, then ppu-smi, then the PCI bus.

HGML repeats NVML under the prefix `hgml`, with `Hggc` for `Cuda`: gpustack-runtime `pyhgml`; the tool: T-Head SAIL,
"PPU-SMI" manual. Alibaba's network devices have the same PCI vendor id, so the class decides. Uncorrected ECC errors
are a warning: T-Head's driver manual has the driver take the page out of use. ICN links to single neighbours are not
read: no public binding names the call. Run against libraries built from the bindings and the manual's table only.
"""

import ctypes
from dataclasses import replace

from appliance.hardware.inventory import Detected, Health, Selectors
from appliance.hardware.vendors import nvml_shaped
from appliance.hardware.vendors.brand import Brand, vendor_of
from appliance.hardware.vendors.c_library import CLibrary
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import whole
from appliance.hardware.vendors.questions import ask_together, needed, printed, unanswered
from appliance.hardware.vendors.reading import CardMaker, Reading
from appliance.hardware.vendors.smi_table import NO_UUIDS, read_table, read_uuids, version
from appliance.hardware.world import World

NAME, FAMILY, PCI_ID = "thead", "hggc", "1ded"
LIBRARIES = ("/usr/local/PPU_SDK/lib64/libhgml.so", "/usr/local/PPU_SDK/lib/libhgml.so", "libhgml.so")
TOOL_FOLDERS = ("usr/local/PPU_SDK/bin", "usr/local/PPU_SDK/ppu-smi/bin")
TOOL_ENVIRON = {"LD_LIBRARY_PATH": "/usr/local/PPU_SDK/lib64:/usr/local/PPU_SDK/lib"}
HINT = "Install the PPU driver and T-Head's SDK under /usr/local/PPU_SDK, and see that `ppu-smi` shows the cards."


def from_library(world: World) -> Detected:
    dialect = nvml_shaped.Dialect("libhgml.so", "hgml", "Hggc", health=hgml_health, has_mig=True)
    readings, library = nvml_shaped.read(world.shared_library(*LIBRARIES), dialect)
    return MAKER.detected(world, readings, source="library", problems=library.problems(NAME))


def hgml_health(library: CLibrary, handle: ctypes.c_void_p) -> Health:
    return ecc_health(nvml_shaped.uncorrected_errors(library, "hgml", handle))


def ecc_health(errors: int | None) -> Health:
    warnings = [f"{errors} uncorrected ECC errors since the driver started."] if errors else []
    return health(warnings=warnings, asked=errors is not None)


def from_tool(world: World) -> Detected:
    """The table has no uuids; `ppu-smi -L` has."""
    placed = replace(world, environ={**TOOL_ENVIRON, **world.environ})
    table, listed = ask_together(placed, "ppu-smi", (), ("-L",), folders=TOOL_FOLDERS)
    output, uuids = needed(table), read_uuids(printed(listed))
    rows = read_table(output)
    for card, block in rows:
        card.uuid, card.runtime_version = uuids.get(card.index), version(output, "HGGC")
        card.health = ecc_health(whole(block.splitlines()[0].rstrip("| ").rpartition("|")[2]))
    problems = unanswered(listed, "ppu-smi -L", vendor=NAME, hint=HINT, costs=NO_UUIDS)
    return MAKER.detected(world, [card for card, _ in rows], source="tool", problems=problems)


def selectors(_: World, card: Reading) -> Selectors:
    """`/dev/alixpu_ppu<minor>` per card (PPU-SMI manual), and two nodes that PPU images warn of when missing."""
    shared = ("/dev/alixpu", "/dev/alixpu_ctl")
    return Selectors(
        process={"CUDA_VISIBLE_DEVICES": str(card.index)},
        container={"NVIDIA_VISIBLE_DEVICES": card.uuid or str(card.index)},
        device_nodes=() if card.minor is None else (f"/dev/alixpu_ppu{card.minor}", *shared),
        kubernetes="alibabacloud.com/ppu",
    )


BRAND = Brand(NAME, FAMILY, PCI_ID, hint=HINT)
MAKER = CardMaker(BRAND, selectors)
VENDOR = vendor_of(BRAND, ways=(("libhgml", from_library), ("ppu-smi", from_tool)))
