"""Ascend's names: which PCI devices are its chips, and by what a chip is chosen."""

import re

from appliance.hardware.inventory import Selectors
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.world import World

CONTROL_NODES = ("/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc")
TEMPLATE = re.compile(r"vir([0-9]{2})(?:_([0-9]+)c)?(?:_([0-9]+)g)?")
"""Of a vNPU: AI cores, AI CPUs, GB of memory."""
PRODUCTS = {
    "d100": "Ascend 310",
    "d500": "Ascend 310P",
    "d801": "Ascend 910",
    "d802": "Ascend 910B",
    "d803": "Ascend 910C",
}
"""Ids from the log collector in Ascend's driver repository."""
HINT = "Install the Ascend driver (its `npu-smi info` must answer), and let the agent's user be in the driver's group."


def is_card(device: PciDevice) -> bool:
    """By its id, because vendor 19e5 is also Huawei's network cards and the display of its servers' BMC."""
    return device.device_id in PRODUCTS


BRAND = Brand("ascend", "cann", "19e5", hint=HINT, products=PRODUCTS, nodes=CONTROL_NODES[:1], is_card=is_card)


def selectors(world: World, *, name: str, logic_id: int, physical_id: int | None) -> Selectors:
    """Processes count logic ids; the files `/dev/davinciN` and Ascend's container runtime go by the physical id, and a
    physical id that is unknown selects no file. The resource names are those of Ascend's device plug-in.
    """
    own = () if physical_id is None else (f"/dev/davinci{physical_id}",)
    return Selectors(
        process={"ASCEND_RT_VISIBLE_DEVICES": str(logic_id)},
        container={} if physical_id is None else {"ASCEND_VISIBLE_DEVICES": str(physical_id)},
        device_nodes=(*own, *(node for node in CONTROL_NODES if world.exists(node))),
        kubernetes=f"huawei.com/Ascend{generation_of(name)}",
    )


def generation_of(name: str) -> str:
    return next((generation for generation in ("310P", "310") if generation in name), "910")


def vnpu_selectors(number: int, *, generation: str, template: str) -> Selectors:
    """By the vNPU's own number, with the word that says that it is one (MindCluster documentation, "Ascend Docker
    Runtime", static virtualization). On the host a process has no documented name for it. Inside a container the file
    must be called `/dev/davinciN` without the `v`. The resource is the device plug-in's, by the template's name.
    """
    return Selectors(
        container={"ASCEND_VISIBLE_DEVICES": str(number)},
        fixed={"ASCEND_RUNTIME_OPTIONS": "VIRTUAL"},
        device_nodes=(f"/dev/vdavinci{number}", *CONTROL_NODES),
        kubernetes=_vnpu_resource(generation, template),
    )


def _vnpu_resource(generation: str, template: str) -> str | None:
    """`vir05_1c_16g` of a 910 is Ascend910-5c.1cpu.16g, `vir02` Ascend910-2c; templates with more to them are unknown
    here.
    """
    found = TEMPLATE.fullmatch(template)
    if found is None:
        return None
    cores, cpus, memory = found.groups()
    parts = (f"{int(cores)}c", f"{cpus}cpu" if cpus else "", f"{memory}g" if memory else "")
    return f"huawei.com/Ascend{generation}-{'.'.join(part for part in parts if part)}"
