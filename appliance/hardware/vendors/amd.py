"""AMD: librocm_smi64, then amd-smi or the older rocm-smi, then amdgpu's /sys, then the bare PCI bus."""

from appliance.hardware.inventory import Detected
from appliance.hardware.vendors.amd_tool import FOLDERS, from_amd_smi
from appliance.hardware.vendors.amdgpu import from_sysfs
from appliance.hardware.vendors.brand import Brand, vendor_of
from appliance.hardware.vendors.rocm import Maker
from appliance.hardware.vendors.rocm_json import from_tool
from appliance.hardware.vendors.rocm_smi import from_library
from appliance.hardware.world import TOOL_FOLDERS, World

HINT = "Install the amdgpu driver and ROCm (amd-smi must list every card); in a container, pass /dev/kfd and /dev/dri."
PRODUCTS = {
    "738c": "AMD Instinct MI100",
    "7408": "AMD Instinct MI250X",
    "740c": "AMD Instinct MI250X/MI250",
    "740f": "AMD Instinct MI210",
    "744c": "AMD Radeon RX 7900 XT/7900 XTX",
    "74a0": "AMD Instinct MI300A",
    "74a1": "AMD Instinct MI300X",
    "74a2": "AMD Instinct MI308X",
    "74a5": "AMD Instinct MI325X",
    "75a0": "AMD Instinct MI350X",
    "75a3": "AMD Instinct MI355X",
}
"""From the PCI ID repository (pci.ids)."""
BRAND = Brand("amd", "rocm", "1002", hint=HINT, products=PRODUCTS)
MAKER = Maker(
    brand=BRAND,
    libraries=(
        "opt/rocm/lib/librocm_smi64.so",
        "opt/rocm/lib/librocm_smi64.so.1",
        "opt/rocm/lib/librocm_smi64.so.7",
        "usr/lib/x86_64-linux-gnu/librocm_smi64.so.1",
        "usr/lib64/librocm_smi64.so.1",
        "librocm_smi64.so.1",
        "librocm_smi64.so",
    ),
    driver_files=("sys/module/amdgpu/version",),
    runtime_files=("opt/rocm/.info/version",),
    control_nodes=("dev/kfd",),
    container="AMD_VISIBLE_DEVICES",
    kubernetes="amd.com/gpu",
    fabric="XGMI",
)


def _from_tool(world: World) -> Detected:
    """One tool, not both in turn: a hanging one may cost its limit once."""
    if any(world.exists(f"{folder}/amd-smi") for folder in (*FOLDERS, *TOOL_FOLDERS)):
        return from_amd_smi(world, MAKER)
    return from_tool(world, MAKER, tool="rocm-smi", folders=FOLDERS)


VENDOR = vendor_of(
    BRAND,
    ways=(("librocm_smi64", lambda world: from_library(world, MAKER)), ("AMD's tool", _from_tool)),
    bare=lambda world: from_sysfs(world, MAKER),
)
