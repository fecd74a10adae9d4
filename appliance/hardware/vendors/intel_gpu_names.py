"""Names of Intel's GPUs: which PCI devices are cards, and what a card is selected by."""

from appliance.hardware.inventory import BusId, Selectors
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.vendors.places import device_at, display_nodes, is_virtual
from appliance.hardware.world import World

HINT = (
    "Install Intel's compute runtime with Level Zero (libze1, libze-intel-gpu1) and put the user into the group "
    "render; in a container, pass /dev/dri."
)
PRODUCTS = {
    "0bd5": "Intel Data Center GPU Max 1550",
    "0bd9": "Intel Data Center GPU Max 1100",
    "0bda": "Intel Data Center GPU Max 1100",
    "0bdb": "Intel Data Center GPU Max 1100",
    "56a0": "Intel Arc A770 Graphics",
    "56a1": "Intel Arc A750 Graphics",
    "56c0": "Intel Data Center GPU Flex 170",
    "56c1": "Intel Data Center GPU Flex 140",
    "e20b": "Intel Arc B580 Graphics",
    "e20c": "Intel Arc B570 Graphics",
    "e211": "Intel Arc Pro B60 Graphics",
    "e212": "Intel Arc Pro B50 Graphics",
    "e223": "Intel Arc Pro B70 Graphics",
}
"""From the PCI ID repository (pci.ids) and the kernel's intel/pciids.h."""


def is_card(device: PciDevice) -> bool:
    """Display devices, without the processor's own GPU (on bus 0), the NPU (class 12) and virtual functions."""
    return device.device_class.startswith("03") and device.bus_id[5:7] != "00" and not is_virtual(device)


BRAND = Brand("intel", "xpu", "8086", hint=HINT, products=PRODUCTS, is_card=is_card)


def selectors(world: World, devices: tuple[PciDevice, ...], *, index: int, place: BusId | None) -> Selectors:
    """Level Zero counts cards as Sysman lists them; the Kubernetes resource is named after the kernel's driver."""
    device = device_at(devices, place)
    driver = (device.path / "driver").resolve().name if device else ""
    return Selectors(
        process={"ZE_AFFINITY_MASK": str(index)},
        device_nodes=tuple(node for node in display_nodes(world, place) if world.exists(node)),
        kubernetes=f"gpu.intel.com/{driver}" if driver in ("i915", "xe") else None,
    )
