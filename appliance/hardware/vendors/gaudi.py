"""Intel Gaudi (HabanaLabs): HLML, then hl-smi, then the PCI bus."""

from appliance.hardware.inventory import Detected
from appliance.hardware.vendors.gaudi_library import from_library
from appliance.hardware.vendors.gaudi_names import ARCHITECTURES, HINT, PCI_ID, cards
from appliance.hardware.vendors.gaudi_tool import from_tool
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
from appliance.hardware.world import World


def detect(world: World) -> Detected:
    return first_that_works(
        world,
        vendor="gaudi",
        ways=(("HLML", from_library), ("hl-smi", from_tool)),
        bare=lambda known: from_pci(cards(known), vendor="gaudi", family="gaudi", products=ARCHITECTURES),
        hint=HINT,
    )


VENDOR = Vendor(
    name="gaudi", family="gaudi", pci_ids=(PCI_ID,), is_present=lambda world: bool(cards(world)), detect=detect
)
