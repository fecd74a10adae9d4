"""Kunlunxin XPUs (Baidu's Kunlun): through libxpuml, through `xpu-smi`, or off the PCI bus.

Intel's tool for its own cards is called `xpu-smi` too, so nothing here is believed for its name: the gate is the PCI
vendor id, or, in a container without a PCI bus, the control node `/dev/xpuctrl`, which Intel's driver does not make.
"""

from appliance.hardware.inventory import Detected
from appliance.hardware.vendors import kunlunxin_library, kunlunxin_tool
from appliance.hardware.vendors.kunlunxin_cards import CONTROL_NODE
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
from appliance.hardware.world import World

PCI_ID = "1d22"
PRODUCTS = {"3684": "Kunlun AI Accelerator", "3685": "Kunlun2 AI Accelerator [VF]", "3688": "P800"}
"""The PCI ID repository; 3688 from a published table of device ids, which is no word of the vendor's."""
HINT = "Install the Kunlunxin driver (XRE): `xpu-smi -q` must list the cards, and /dev/xpuctrl must exist."


def is_present(world: World) -> bool:
    return bool(world.cards(PCI_ID)) or world.exists(CONTROL_NODE)


def detect(world: World) -> Detected:
    return first_that_works(
        world,
        vendor="kunlunxin",
        ways=(
            ("libxpuml", lambda world: kunlunxin_library.detect(world, hint=HINT)),
            ("xpu-smi", lambda world: kunlunxin_tool.detect(world, hint=HINT)),
        ),
        bare=lambda world: from_pci(world.cards(PCI_ID), vendor="kunlunxin", family="kunlun", products=PRODUCTS),
        hint=HINT,
    )


VENDOR = Vendor(name="kunlunxin", family="kunlun", pci_ids=(PCI_ID,), is_present=is_present, detect=detect)
