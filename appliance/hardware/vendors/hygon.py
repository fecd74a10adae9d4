"""Hygon DCU: its own librocm_smi64 of the hyhal driver, then hy-smi, then its driver's /sys, then the bare PCI bus."""

from appliance.hardware.vendors.amdgpu import from_sysfs
from appliance.hardware.vendors.brand import Brand, vendor_of
from appliance.hardware.vendors.rocm import Maker
from appliance.hardware.vendors.rocm_json import from_tool
from appliance.hardware.vendors.rocm_smi import from_library

FOLDERS = ("opt/hyhal/bin", "opt/dtk/bin")
HINT = (
    "Install Hygon's driver with its hyhal folder (/opt/hyhal/bin/hy-smi must list every card); in a container, mount "
    "/opt/hyhal and pass /dev/kfd, /dev/mkfd and /dev/dri."
)
PRODUCTS = {"6210": "Hygon K100_AI"}
BRAND = Brand("hygon", "dtk", "1d94", hint=HINT, products=PRODUCTS)
MAKER = Maker(
    brand=BRAND,
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
)
"""Its places by absolute path alone: the loader's own librocm_smi64 may be AMD's."""

VENDOR = vendor_of(
    BRAND,
    ways=(
        ("Hygon's librocm_smi64", lambda world: from_library(world, MAKER)),
        ("hy-smi", lambda world: from_tool(world, MAKER, tool="hy-smi", folders=FOLDERS)),
    ),
    bare=lambda world: from_sysfs(world, MAKER),
)
