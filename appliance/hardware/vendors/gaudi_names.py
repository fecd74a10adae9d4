"""Names of Gaudi's part: products by PCI id, and what a card is selected by."""

from appliance.hardware.inventory import Selectors
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.world import World

HINT = (
    "Install Intel Gaudi's driver and firmware tools (hl-smi must list every card); in a container, use its runtime "
    "with HABANA_VISIBLE_DEVICES."
)
ARCHITECTURES = {
    "1000": "Gaudi",
    "1010": "Gaudi",
    "1020": "Gaudi 2",
    "1021": "Gaudi 2",
    "1030": "Gaudi 2",
    "1060": "Gaudi 3",
    "1061": "Gaudi 3",
    "1062": "Gaudi 3",
    "1063": "Gaudi 3",
}
"""Kernel: drivers/accel/habanalabs (to 1030); HabanaAI/perftest names 1021, 1060 and 1063."""
PORT_BYTES_PER_SECOND = {"Gaudi": 12_500_000_000, "Gaudi 2": 12_500_000_000, "Gaudi 3": 25_000_000_000}
"""100 Gb/s a port, 200 for Gaudi 3 (docs.habana.ai, Gaudi Architecture)."""


def is_card(device: PciDevice) -> bool:
    """Processing accelerators; the vendor id alone would take in its other chips."""
    return device.device_class.startswith("12")


BRAND = Brand("gaudi", "gaudi", "1da3", hint=HINT, products=ARCHITECTURES, is_card=is_card)


def architecture(device: PciDevice | None) -> str | None:
    return ARCHITECTURES.get(device.device_id) if device else None


def selectors(
    world: World, *, index: int, module: int | None, minor: int | None, device: PciDevice | None
) -> Selectors:
    """Processes choose by the module's number on the board, the container runtime by the index."""
    number = _node_number(device)
    if number is None:
        number = minor if minor is not None else index
    nodes = (
        *(f"dev/accel/accel{number}", f"dev/accel/accel_controlD{number}"),
        *(f"dev/hl{number}", f"dev/hl_controlD{number}"),
    )
    return Selectors(
        process={"HABANA_VISIBLE_MODULES": str(module if module is not None else index)},
        container={"HABANA_VISIBLE_DEVICES": str(index)},
        device_nodes=tuple(f"/{node}" for node in nodes if world.exists(node)),
        kubernetes="habana.ai/gaudi",
    )


def _node_number(device: PciDevice | None) -> int | None:
    """The kernel puts a folder `accel/accel3` below the PCI device."""
    entries = sorted((device.path / "accel").glob("accel[0-9]*")) if device else []
    digits = entries[0].name.removeprefix("accel") if entries else ""
    return int(digits) if digits.isdecimal() else None
