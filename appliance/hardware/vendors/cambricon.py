"""Cambricon MLUs: through libcndev, through `cnmon`, or off the PCI bus."""

from appliance.hardware.inventory import Detected
from appliance.hardware.vendors import cambricon_library, cambricon_tool
from appliance.hardware.vendors.cambricon_selectors import CONTROL_NODE
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
from appliance.hardware.world import World

PCI_ID = "cabc"
HINT = "Install the Cambricon driver: `cnmon` must list the cards, and /dev/cambricon_ctl must exist."


def is_present(world: World) -> bool:
    """A container may see the control node and no PCI bus."""
    return bool(world.cards(PCI_ID)) or world.exists(CONTROL_NODE)


def detect(world: World) -> Detected:
    """Device ids are not published with names, so a card that only the bus tells of keeps its id for one."""
    return first_that_works(
        world,
        vendor="cambricon",
        ways=(
            ("libcndev", lambda world: cambricon_library.detect(world, hint=HINT)),
            ("cnmon", lambda world: cambricon_tool.detect(world, hint=HINT)),
        ),
        bare=lambda world: from_pci(world.cards(PCI_ID), vendor="cambricon", family="neuware", products={}),
        hint=HINT,
    )


VENDOR = Vendor(name="cambricon", family="neuware", pci_ids=(PCI_ID,), is_present=is_present, detect=detect)
