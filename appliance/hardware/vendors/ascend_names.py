"""Ascend's names: which PCI devices are its chips, and by what a chip is chosen."""

from appliance.hardware.inventory import Selectors
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.world import World

CONTROL_NODES = ("/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc")
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
        kubernetes=f"huawei.com/Ascend{_generation(name)}",
    )


def _generation(name: str) -> str:
    return next((generation for generation in ("310P", "310") if generation in name), "910")
