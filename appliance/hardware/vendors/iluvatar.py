"""Iluvatar CoreX (PCI 1e3e): libixml.so, then ixsmi, then the PCI bus.

libixml exports NVML's names with additions of its own (`ixmlDeviceGetHealth`, `ixmlDeviceGetEccErros`, spelt so):
Deep-Spark/go-ixml `api.h`. A BI-V150 card is two chips, each a PCI device and an index of its own; every second one
has no power reading. Selectors: Deep-Spark/ix-device-plugin (`iluvatar.com/gpu`, `/dev/iluvatar<minor>`) and
ix-container-toolkit (`IX_VISIBLE_DEVICES`). Run against libraries built from the header and recorded tables only.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import replace

from appliance.hardware.inventory import Detected, Health, Selectors
from appliance.hardware.vendors import nvml_shaped
from appliance.hardware.vendors.c_calls import Calls
from appliance.hardware.vendors.figures import Checker, Figures, cards_on_bus, health, unlisted
from appliance.hardware.vendors.smi_table import read_table, version
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
from appliance.hardware.world import VendorFailed, World

NAME, FAMILY, PCI_ID = "iluvatar", "corex", "1e3e"
LIBRARIES = ("/usr/local/corex/lib64/libixml.so", "/usr/local/corex/lib/libixml.so", "libixml.so")
TOOL_FOLDER = "usr/local/corex/bin"
TOOL_ENVIRON = {"LD_LIBRARY_PATH": "/usr/local/corex/lib64:/usr/local/corex/lib"}
PRODUCTS = {"0002": "Iluvatar MR-V100"}
"""One recorded pair of id and name; the vendor publishes no list."""

HINT = "Install CoreX's driver and tools under /usr/local/corex, and see that `ixsmi` shows the cards."


def is_present(world: World) -> bool:
    return bool(cards_on_bus(world, PCI_ID))


def detect(world: World) -> Detected:
    ways = (("libixml", from_library), ("ixsmi", from_tool))
    return first_that_works(world, vendor=NAME, ways=ways, bare=bare, hint=HINT)


def from_library(world: World) -> Detected:
    library = world.shared_library(*LIBRARIES)
    figures, minors, calls = nvml_shaped.read(library, nvml_shaped.Dialect("nvml", "Cuda", health=ixml_health))
    checker = Checker(NAME, FAMILY)
    calls.report(checker)
    return conclude(world, figures, minors, checker)


def ixml_health(calls: Calls, handle: ctypes.c_void_p) -> Health:
    """Any bit of `ixmlDeviceGetHealth` is bad; their meanings are not published. Double errors are uncorrected."""
    bits = calls.long_number("ixmlDeviceGetHealth", handle)
    single, double = ctypes.c_uint(), ctypes.c_uint()
    counted = calls.did("ixmlDeviceGetEccErros", handle, ctypes.byref(single), ctypes.byref(double))
    if bits is None and not counted:
        return Health()
    return health(
        failed=[f"The driver reports health {bits:#x}."] if bits else [],
        warnings=[f"{double.value} uncorrected ECC errors."] if counted and double.value else [],
    )


def from_tool(world: World) -> Detected:
    """The table, and the uuids where this version of ixsmi can be queried for them."""
    placed = replace(world, environ={**TOOL_ENVIRON, **world.environ})
    output = placed.tool("ixsmi", folders=(TOOL_FOLDER,))
    checker = Checker(NAME, FAMILY)
    figures = [card for card, _ in read_table(output)]
    uuids = queried_uuids(placed, checker)
    for card in figures:
        card.uuid, card.runtime_version = uuids.get(card.index), version(output, "CUDA")
    found = conclude(world, figures, [None] * len(figures), checker)
    return found.model_copy(update={"source": "tool"})


def queried_uuids(world: World, checker: Checker) -> dict[int, str]:
    try:
        output = world.tool("ixsmi", "--query-gpu=index,uuid", "--format=csv", folders=(TOOL_FOLDER,))
    except VendorFailed as error:
        checker.say(f"The cards' uuids are unknown: {error}", hint=HINT)
        return {}
    rows = [[cell.strip() for cell in line.split(",")] for line in output.splitlines()]
    return {int(row[0]): row[1] for row in rows if len(row) == 2 and row[0].isdigit() and row[1]}


def conclude(world: World, figures: Sequence[Figures], minors: Sequence[int | None], checker: Checker) -> Detected:
    cards = tuple(
        checker.card(card, selectors=selectors(card, minor)) for card, minor in zip(figures, minors, strict=True)
    )
    cards += unlisted(cards, cards_on_bus(world, PCI_ID), checker=checker)
    return Detected(accelerators=cards, problems=tuple(checker.problems))


def selectors(card: Figures, minor: int | None) -> Selectors:
    """A device node bears the minor number, which need not be the index."""
    return Selectors(
        process={"CUDA_VISIBLE_DEVICES": str(card.index)},
        container={"IX_VISIBLE_DEVICES": card.uuid or str(card.index)},
        device_nodes=() if minor is None else (f"/dev/iluvatar{minor}",),
        kubernetes="iluvatar.com/gpu",
    )


def bare(world: World) -> Detected:
    return from_pci(cards_on_bus(world, PCI_ID), vendor=NAME, family=FAMILY, products=PRODUCTS)


VENDOR = Vendor(name=NAME, family=FAMILY, pci_ids=(PCI_ID,), is_present=is_present, detect=detect)
