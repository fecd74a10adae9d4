"""Hygon DCU: its own librocm_smi64 of the hyhal driver, then hy-smi, then its driver's /sys, then the bare PCI bus."""

from appliance.hardware.inventory import Detected
from appliance.hardware.vendors.amdgpu import from_sysfs
from appliance.hardware.vendors.rocm import Maker
from appliance.hardware.vendors.rocm_json import from_tool
from appliance.hardware.vendors.rocm_smi import from_library
from appliance.hardware.vendors.vendor import Vendor, first_that_works
from appliance.hardware.world import World

PCI_ID = "1d94"
FOLDERS = ("opt/hyhal/bin", "opt/dtk/bin")
HINT = (
    "Install Hygon's driver with its hyhal folder (/opt/hyhal/bin/hy-smi must list every card); in a container, mount "
    "/opt/hyhal and pass /dev/kfd, /dev/mkfd and /dev/dri."
)
MAKER = Maker(
    vendor="hygon",
    family="dtk",
    pci_id=PCI_ID,
    libraries=(
        "opt/hyhal/lib/librocm_smi64.so",
        "opt/hyhal/lib/librocm_smi64.so.2",
        "opt/dtk/rocm_smi/lib/librocm_smi64.so",
        "opt/dtk/.hyhal/rocm_smi/lib/librocm_smi64.so",
        "opt/dtk/lib/librocm_smi64.so",
    ),
    driver_files=("sys/module/hycu/version", "sys/module/hydcu/version"),
    runtime_files=("opt/dtk/.info/version", "opt/dtk/.info/rocm_version"),
    control_nodes=("dev/kfd", "dev/mkfd"),
    container="HYGON_VISIBLE_DEVICES",
    kubernetes="hygon.com/dcu",
    fabric="XGMI",
    products={"6210": "Hygon K100_AI"},
)
"""Its places by absolute path alone: the loader's own librocm_smi64 may be AMD's."""


def detect(world: World) -> Detected:
    return first_that_works(
        world,
        vendor="hygon",
        ways=(
            ("Hygon's librocm_smi64", lambda known: from_library(known, MAKER)),
            ("hy-smi", lambda known: from_tool(known, MAKER, tool="hy-smi", folders=FOLDERS)),
        ),
        bare=lambda known: from_sysfs(known, MAKER),
        hint=HINT,
    )


VENDOR = Vendor(
    name="hygon", family="dtk", pci_ids=(PCI_ID,), is_present=lambda world: bool(MAKER.cards(world)), detect=detect
)
