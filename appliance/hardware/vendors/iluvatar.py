"""Iluvatar CoreX (PCI 1e3e): libixml.so, then ixsmi, then the PCI bus.

libixml exports NVML's names with additions of its own (`ixmlDeviceGetHealth`, `ixmlDeviceGetEccErros`, spelt so):
Deep-Spark/go-ixml `api.h`. A BI-V150 card is two chips, each a PCI device and an index of its own; every second one
has no power reading. Selectors: Deep-Spark/ix-device-plugin (`iluvatar.com/gpu`, `/dev/iluvatar<minor>`) and
ix-container-toolkit (`IX_VISIBLE_DEVICES`). Run against libraries built from the header and recorded tables only.
"""

import ctypes
from dataclasses import replace

from appliance.hardware.inventory import Detected, Health, Selectors
from appliance.hardware.vendors import nvml_shaped
from appliance.hardware.vendors.brand import Brand, vendor_of
from appliance.hardware.vendors.c_library import CLibrary
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import ordinal
from appliance.hardware.vendors.questions import ask_together, needed, printed, unanswered
from appliance.hardware.vendors.reading import CardMaker, Reading
from appliance.hardware.vendors.smi_table import NO_UUIDS, read_table, version
from appliance.hardware.world import World

NAME, FAMILY, PCI_ID = "iluvatar", "corex", "1e3e"
LIBRARIES = ("/usr/local/corex/lib64/libixml.so", "/usr/local/corex/lib/libixml.so", "libixml.so")
TOOL_FOLDER = "usr/local/corex/bin"
TOOL_ENVIRON = {"LD_LIBRARY_PATH": "/usr/local/corex/lib64:/usr/local/corex/lib"}
PRODUCTS = {"0002": "Iluvatar MR-V100"}
"""One recorded pair of id and name; the vendor publishes no list."""

HINT = "Install CoreX's driver and tools under /usr/local/corex, and see that `ixsmi` shows the cards."


def from_library(world: World) -> Detected:
    dialect = nvml_shaped.Dialect("libixml.so", "nvml", "Cuda", health=ixml_health)
    readings, library = nvml_shaped.read(world.shared_library(*LIBRARIES), dialect)
    return MAKER.detected(world, readings, source="library", problems=library.problems(NAME))


def ixml_health(library: CLibrary, handle: ctypes.c_void_p) -> Health:
    """Any bit of `ixmlDeviceGetHealth` is bad; their meanings are not published. Double errors are uncorrected."""
    bits = library.number("ixmlDeviceGetHealth", handle, kind=ctypes.c_uint64)
    single, double = ctypes.c_uint(), ctypes.c_uint()
    counted = library.did("ixmlDeviceGetEccErros", handle, ctypes.byref(single), ctypes.byref(double))
    return health(
        failed=[f"The driver reports health {bits:#x}."] if bits else [],
        warnings=[f"{double.value} uncorrected ECC errors."] if counted and double.value else [],
        asked=bits is not None or counted,
    )


def from_tool(world: World) -> Detected:
    """The table, and the uuids where this version of ixsmi can be queried for them."""
    placed = replace(world, environ={**TOOL_ENVIRON, **world.environ})
    query = ("--query-gpu=index,uuid", "--format=csv")
    table, queried = ask_together(placed, "ixsmi", (), query, folders=(TOOL_FOLDER,))
    output, uuids = needed(table), read_uuids(printed(queried))
    readings = [card for card, _ in read_table(output)]
    for card in readings:
        card.uuid, card.runtime_version = uuids.get(card.index), version(output, "CUDA")
    problems = unanswered(queried, "ixsmi --query-gpu", vendor=NAME, hint=HINT, costs=NO_UUIDS)
    return MAKER.detected(world, readings, source="tool", problems=problems)


def read_uuids(output: str) -> dict[int, str]:
    rows = [[cell.strip() for cell in line.split(",")] for line in output.splitlines()]
    numbered = ((ordinal(row[0]), row[1]) for row in rows if len(row) == 2)
    return {index: uuid for index, uuid in numbered if index is not None and uuid}


def selectors(_: World, card: Reading) -> Selectors:
    """A device node bears the minor number, which need not be the index."""
    return Selectors(
        process={"CUDA_VISIBLE_DEVICES": str(card.index)},
        container={"IX_VISIBLE_DEVICES": card.uuid or str(card.index)},
        device_nodes=() if card.minor is None else (f"/dev/iluvatar{card.minor}",),
        kubernetes="iluvatar.com/gpu",
    )


BRAND = Brand(NAME, FAMILY, PCI_ID, hint=HINT, products=PRODUCTS)
MAKER = CardMaker(BRAND, selectors)
VENDOR = vendor_of(BRAND, ways=(("libixml", from_library), ("ixsmi", from_tool)))
