"""Where cards sit: PCI addresses as vendors write them, the NUMA node, and cards that the driver does not list."""

import re
from collections.abc import Iterable

from appliance.hardware.inventory import BusId, Problem
from appliance.hardware.pci import PciDevice

ADDRESS = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE)
UNLISTED_HINT = (
    "In a container, or where the card is passed through to a virtual machine, that is meant. Otherwise the card may "
    "have fallen off the bus: look in the kernel's log (dmesg) for its address, and power the machine off and on."
)


def bus_id(text: str) -> BusId | None:
    """`00000000:17:00.0`, `0000:A3:00.0` and `17:00.0` as the kernel writes them; None for something else."""
    found = ADDRESS.search(text)
    if found is None:
        return None
    domain, bus, device, function = found.groups()
    return address(int(domain or "0", 16), int(bus, 16), int(device, 16), int(function, 16))


def address(domain: int, bus: int, device: int, function: int = 0) -> BusId:
    return f"{domain:04x}:{bus:02x}:{device:02x}.{function:x}"


def numa_node(devices: Iterable[PciDevice], place: BusId | None) -> int | None:
    return next((device.numa_node for device in devices if device.bus_id == place), None)


def unlisted(devices: Iterable[PciDevice], found: Iterable[BusId | None], *, vendor: str) -> tuple[Problem, ...]:
    """One Problem for the cards that are on the PCI bus and that the vendor's own part did not speak of."""
    known = set(found)
    lost = [device.bus_id for device in devices if device.bus_id not in known and not is_virtual(device)]
    if not lost:
        return ()
    message = f"On the PCI bus, but not known to the driver: {', '.join(lost)}."
    return (Problem(vendor=vendor, message=message, hint=UNLISTED_HINT),)


def is_virtual(device: PciDevice) -> bool:
    """A virtual function (SR-IOV): a share of a card for a virtual machine, beside the card itself."""
    return (device.path / "physfn").exists()
