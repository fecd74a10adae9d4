"""NVIDIA: NVML, then nvidia-smi, then the PCI bus."""

from appliance.hardware.inventory import Detected
from appliance.hardware.vendors.nvidia_library import from_library
from appliance.hardware.vendors.nvidia_names import HINT, PCI_ID, PRODUCTS
from appliance.hardware.vendors.nvidia_tool import from_tool
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
from appliance.hardware.world import World


def is_present(world: World) -> bool:
    """A card on the PCI bus, or the driver's own node: WSL and some containers show no bus."""
    return bool(world.cards(PCI_ID)) or world.exists("dev/nvidiactl")


def detect(world: World) -> Detected:
    return first_that_works(
        world,
        vendor="nvidia",
        ways=(("NVML", from_library), ("nvidia-smi", from_tool)),
        bare=lambda known: from_pci(known.cards(PCI_ID), vendor="nvidia", family="cuda", products=PRODUCTS),
        hint=HINT,
    )


VENDOR = Vendor(name="nvidia", family="cuda", pci_ids=(PCI_ID,), is_present=is_present, detect=detect)
