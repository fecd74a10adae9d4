"""Enflame GCUs: through libefml, through `efsmi`, or off the PCI bus."""

from appliance.hardware.inventory import Detected
from appliance.hardware.vendors import enflame_library, enflame_tool
from appliance.hardware.vendors.enflame_selectors import CONTROL_NODE
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
from appliance.hardware.world import World

PCI_ID = "1e36"
PRODUCTS = {"c035": "Enflame S60"}
"""As `efsmi -q` of an S60 prints it; other ids are not published with a name."""
HINT = "Install Enflame's driver (TopsRider --driver): `efsmi -q` must list the cards."


def is_present(world: World) -> bool:
    return bool(world.cards(PCI_ID)) or world.exists(CONTROL_NODE)


def detect(world: World) -> Detected:
    return first_that_works(
        world,
        vendor="enflame",
        ways=(
            ("libefml", lambda world: enflame_library.detect(world, hint=HINT)),
            ("efsmi", lambda world: enflame_tool.detect(world, hint=HINT)),
        ),
        bare=lambda world: from_pci(world.cards(PCI_ID), vendor="enflame", family="topsrider", products=PRODUCTS),
        hint=HINT,
    )


VENDOR = Vendor(name="enflame", family="topsrider", pci_ids=(PCI_ID,), is_present=is_present, detect=detect)
