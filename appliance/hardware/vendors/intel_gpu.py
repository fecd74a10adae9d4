"""Intel GPUs (Max, Flex, Arc): Level Zero Sysman, then xpu-smi, then the PCI bus."""

from appliance.hardware.inventory import Detected
from appliance.hardware.vendors.intel_gpu_library import from_library
from appliance.hardware.vendors.intel_gpu_names import HINT, PCI_ID, PRODUCTS, cards, selectors
from appliance.hardware.vendors.intel_gpu_tool import from_tool
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
from appliance.hardware.world import World


def detect(world: World) -> Detected:
    return first_that_works(
        world,
        vendor="intel",
        ways=(("Level Zero", from_library), ("xpu-smi", from_tool)),
        bare=_bare,
        hint=HINT,
    )


def _bare(world: World) -> Detected:
    """With the device nodes that the kernel's driver made: an engine may run where no management library is."""
    devices = cards(world)
    found = from_pci(devices, vendor="intel", family="xpu", products=PRODUCTS)
    accelerators = tuple(
        card.model_copy(update={"selectors": selectors(world, devices, index=card.index, place=card.bus_id)})
        for card in found.accelerators
    )
    return found.model_copy(update={"accelerators": accelerators})


VENDOR = Vendor(
    name="intel", family="xpu", pci_ids=(PCI_ID,), is_present=lambda world: bool(cards(world)), detect=detect
)
