"""AMD: librocm_smi64, then amd-smi or the older rocm-smi, then amdgpu's /sys, then the bare PCI bus."""

from appliance.hardware.inventory import Detected
from appliance.hardware.vendors.amd_tool import FOLDERS, from_amd_smi
from appliance.hardware.vendors.amdgpu import from_sysfs
from appliance.hardware.vendors.rocm import Maker
from appliance.hardware.vendors.rocm_json import from_tool
from appliance.hardware.vendors.rocm_smi import from_library
from appliance.hardware.vendors.vendor import Vendor, first_that_works
from appliance.hardware.world import TOOL_FOLDERS, World

PCI_ID = "1002"
HINT = "Install the amdgpu driver and ROCm (amd-smi must list every card); in a container, pass /dev/kfd and /dev/dri."
MAKER = Maker(
    vendor="amd",
    family="rocm",
    pci_id=PCI_ID,
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
    products={
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
    },
)
"""Products from the PCI ID repository (pci.ids)."""


def detect(world: World) -> Detected:
    return first_that_works(
        world,
        vendor="amd",
        ways=(("librocm_smi64", lambda known: from_library(known, MAKER)), ("AMD's tool", _from_tool)),
        bare=lambda known: from_sysfs(known, MAKER),
        hint=HINT,
    )


def _from_tool(world: World) -> Detected:
    """One tool, not both in turn: a hanging one may cost its limit once."""
    if any(world.exists(f"{folder}/amd-smi") for folder in (*FOLDERS, *TOOL_FOLDERS)):
        return from_amd_smi(world, MAKER, hint=HINT)
    return from_tool(world, MAKER, tool="rocm-smi", folders=FOLDERS)


VENDOR = Vendor(
    name="amd", family="rocm", pci_ids=(PCI_ID,), is_present=lambda world: bool(MAKER.cards(world)), detect=detect
)
