"""Where cards sit: PCI addresses as vendors write them, NUMA and display nodes, and cards that nobody listed."""

import re
from collections.abc import Iterable

from appliance.hardware.inventory import BusId, Problem
from appliance.hardware.pci import PciDevice
from appliance.hardware.world import World

ADDRESS = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE)
UNLISTED_HINT = (
    "In a container, or where the card is passed through to a virtual machine, that is meant. Otherwise the card may "
    "have fallen off the bus: look in the kernel's log (dmesg) for its address, and power the machine off and on."
)


def bus_id(text: str | None) -> BusId | None:
    """`00000000:17:00.0`, `0000:A3:00.0` and `17:00.0` as the kernel writes them; None for something else."""
    found = ADDRESS.search(text or "")
    if found is None:
        return None
    domain, bus, device, function = found.groups()
    return address(int(domain or "0", 16), int(bus, 16), int(device, 16), int(function, 16))


def address(domain: int, bus: int, device: int, function: int = 0) -> BusId:
    return f"{domain & 0xFFFFFFFF:04x}:{bus:02x}:{device:02x}.{function:x}"


def device_at(devices: Iterable[PciDevice], place: BusId | None) -> PciDevice | None:
    return next((device for device in devices if device.bus_id == place), None)


def numa_node(devices: Iterable[PciDevice], place: BusId | None) -> int | None:
    """What the kernel says of the PCI device; the vendors' own figures come from there too."""
    device = device_at(devices, place)
    return device.numa_node if device else None


def display_nodes(world: World, place: BusId | None) -> tuple[str, ...]:
    """The card's nodes under /dev/dri, which the kernel names in its PCI folder (kernel: sysfs-class-drm)."""
    device = device_at(world.pci, place)
    names = sorted(entry.name for entry in (device.path / "drm").glob("*")) if device else []
    return tuple(f"/dev/dri/{name}" for name in names if name.startswith(("card", "renderD")))


def unlisted(devices: Iterable[PciDevice], found: Iterable[BusId | None], *, vendor: str) -> tuple[Problem, ...]:
    """One Problem for the cards that are on the PCI bus and that the vendor's own part did not speak of.

    No card is made of them: in a container that was given two of eight cards, six would seem to have failed. A card is
    spoken of with any of its functions, which may be its slices (SR-IOV, partitions). Nothing can be said where the
    place of a card that was spoken of is not known.
    """
    known = {place and _without_function(place) for place in found}
    missing = (device for device in devices if _without_function(device.bus_id) not in known)
    lost = [device.bus_id for device in missing if not is_virtual(device)]
    if not lost or None in known:
        return ()
    message = f"On the PCI bus, but not known to the driver: {', '.join(lost)}."
    return (Problem(vendor=vendor, message=message, hint=UNLISTED_HINT),)


def _without_function(place: BusId) -> str:
    return place.rpartition(".")[0]


def is_virtual(device: PciDevice) -> bool:
    """A virtual function (SR-IOV): a share of a card for a virtual machine, beside the card itself."""
    return (device.path / "physfn").exists()
