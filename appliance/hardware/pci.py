"""The PCI bus from /sys: the cheap gate before any vendor's library is touched (kernel: sysfs-bus-pci)."""

from dataclasses import dataclass
from pathlib import Path

DEVICES = "sys/bus/pci/devices"
ACCELERATOR_CLASSES = ("02", "03", "0b", "12")
"""Class prefixes under which accelerators are found: network (some fabrics), display, co-processor, accelerator."""

CARD_CLASSES = ("03", "0b", "12")
"""Those of cards alone: Intel, Huawei and Alibaba make network devices under the vendor ids of their cards."""


@dataclass(frozen=True)
class PciDevice:
    """Ids are four lower-case hex digits, `device_class` six; `numa_node` is None where unknown."""

    bus_id: str
    vendor_id: str
    device_id: str
    device_class: str
    numa_node: int | None
    path: Path


def read_pci(root: Path) -> tuple[PciDevice, ...]:
    """All devices of accelerator classes, in the order of their addresses; none where there is no PCI bus."""
    folder = root / DEVICES
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    devices = (_read(entry) for entry in entries)
    return tuple(device for device in devices if device and device.device_class.startswith(ACCELERATOR_CLASSES))


def is_card(device: PciDevice) -> bool:
    """As far as its class tells."""
    return device.device_class.startswith(CARD_CLASSES)


def read_numa_node(entry: Path) -> int | None:
    """None where the kernel writes -1, or nothing that makes sense."""
    try:
        numa = int((entry / "numa_node").read_text())
    except (OSError, ValueError):
        return None
    return numa if numa >= 0 else None


def _read(entry: Path) -> PciDevice | None:
    """None for a device that goes away while it is read."""
    try:
        return PciDevice(
            bus_id=entry.name.lower(),
            vendor_id=_hex(entry / "vendor"),
            device_id=_hex(entry / "device"),
            device_class=_hex(entry / "class"),
            numa_node=read_numa_node(entry),
            path=entry.resolve(),
        )
    except (OSError, ValueError):
        return None


def _hex(path: Path) -> str:
    return path.read_text().strip().removeprefix("0x").lower()
