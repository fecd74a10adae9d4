"""What every vendor's module offers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.hardware.inventory import Accelerator, Detected
from appliance.hardware.pci import PciDevice
from appliance.hardware.world import World


@dataclass(frozen=True)
class Vendor:
    """`is_present` is the gate: PCI ids and device nodes only, no library, no tool. `detect` never raises VendorFailed.

    `pci_ids` are vendor ids, four lower-case hex digits.
    """

    name: str
    family: str
    pci_ids: tuple[str, ...]
    is_present: Callable[[World], bool]
    detect: Callable[[World], Detected]


def from_pci(devices: tuple[PciDevice, ...], *, vendor: str, family: str, products: Mapping[str, str]) -> Detected:
    """Cards that nobody could be asked about: where they are, and what their device id stands for."""
    return Detected(
        source="pci",
        accelerators=tuple(
            Accelerator(
                family=family,
                vendor=vendor,
                name=products.get(device.device_id, f"PCI device {device.vendor_id}:{device.device_id}"),
                index=index,
                bus_id=device.bus_id,
                memory_bytes=0,
                numa_node=device.numa_node,
            )
            for index, device in enumerate(devices)
        ),
    )
