"""Intel GPUs (Max, Flex, Arc): Level Zero Sysman, then xpu-smi, then the PCI bus."""

from dataclasses import replace

from appliance.hardware.inventory import Detected
from appliance.hardware.vendors.brand import vendor_of
from appliance.hardware.vendors.intel_gpu_library import from_library
from appliance.hardware.vendors.intel_gpu_names import BRAND, selectors
from appliance.hardware.vendors.intel_gpu_tool import from_tool
from appliance.hardware.world import World


def from_bus(world: World) -> Detected:
    """With the device nodes that the kernel's driver made: an engine may run where no management library is."""
    devices, found = BRAND.cards(world), BRAND.bare(world)
    cards = tuple(
        replace(card, selectors=selectors(world, devices, index=card.index, place=card.bus_id))
        for card in found.accelerators
    )
    return replace(found, accelerators=cards)


VENDOR = vendor_of(BRAND, ways=(("Level Zero", from_library), ("xpu-smi", from_tool)), bare=from_bus)
