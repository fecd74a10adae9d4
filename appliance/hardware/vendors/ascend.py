"""Huawei Ascend NPUs: through libdcmi, through `npu-smi`, or off the PCI bus.

The gate knows device ids, because vendor 19e5 is also Huawei's network cards and the display of its servers' BMC. The
ids are those of the log collector in Ascend's driver repository. An index here is the logic id, which is what
`ASCEND_RT_VISIBLE_DEVICES` counts; the files `/dev/davinciN` and the container runtime go by the physical id.
"""

from appliance.hardware.inventory import Detected
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors import ascend_library, ascend_tool
from appliance.hardware.vendors.ascend_selectors import CONTROL_NODES
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
from appliance.hardware.world import World

PCI_ID = "19e5"
PRODUCTS = {
    "d100": "Ascend 310",
    "d500": "Ascend 310P",
    "d801": "Ascend 910",
    "d802": "Ascend 910B",
    "d803": "Ascend 910C",
}
HINT = "Install the Ascend driver (its `npu-smi info` must answer), and let the agent's user be in the driver's group."


def cards(world: World) -> tuple[PciDevice, ...]:
    return tuple(device for device in world.cards(PCI_ID) if device.device_id in PRODUCTS)


def is_present(world: World) -> bool:
    """A container may see the device nodes and no PCI bus."""
    return bool(cards(world)) or world.exists(CONTROL_NODES[0])


def detect(world: World) -> Detected:
    return first_that_works(
        world,
        vendor="ascend",
        ways=(
            ("libdcmi", lambda world: ascend_library.detect(world, hint=HINT)),
            ("npu-smi", lambda world: ascend_tool.detect(world, hint=HINT)),
        ),
        bare=lambda world: from_pci(cards(world), vendor="ascend", family="cann", products=PRODUCTS),
        hint=HINT,
    )


VENDOR = Vendor(name="ascend", family="cann", pci_ids=(PCI_ID,), is_present=is_present, detect=detect)
