"""What a vendor's library or tool says of one card, checked: a figure out of range is left out, and said."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from appliance.hardware.inventory import (
    Accelerator,
    BusId,
    Health,
    HealthState,
    Link,
    Partitioning,
    Problem,
    Selectors,
)
from appliance.hardware.pci import CARD_CLASSES, PciDevice
from appliance.hardware.world import World

ADDRESS = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])")
MOST_MEMORY_BYTES = 4 * 1024**4
COLDEST, HOTTEST = -40.0, 150.0
MOST_WATTS = 5000.0
LIES_HINT = "Compare with the vendor's own tool on this node; a driver update may mend it."


@dataclass
class Figures:
    """As the vendor says them, in our units; nothing is believed yet. `utilization` is in percent."""

    index: int
    name: str | None = None
    uuid: str | None = None
    bus_id: str | None = None
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None
    utilization: float | None = None
    temperature_celsius: float | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    driver_version: str | None = None
    runtime_version: str | None = None
    compute_capability: str | None = None
    architecture: str | None = None
    health: Health = field(default_factory=Health)
    links: tuple[Link, ...] = ()
    partitioning: Partitioning = field(default_factory=Partitioning)


@dataclass
class Checker:
    """Makes cards of figures; `problems` are those figures that cannot be."""

    vendor: str
    family: str
    problems: list[Problem] = field(default_factory=list[Problem])

    def card(self, said: Figures, *, selectors: Selectors) -> Accelerator:
        total = self._within(said, "memory_bytes", said.memory_bytes, 1, MOST_MEMORY_BYTES)
        used = self._within(said, "memory_used_bytes", said.memory_used_bytes, 0, total or MOST_MEMORY_BYTES)
        busy = self._within(said, "utilization", said.utilization, 0, 100)
        return Accelerator(
            family=self.family,
            vendor=self.vendor,
            name=said.name or "unknown",
            index=said.index,
            uuid=said.uuid or None,
            bus_id=self._address(said),
            memory_bytes=int(total or 0),
            memory_used_bytes=None if used is None else int(used),
            utilization=None if busy is None else busy / 100,
            temperature_celsius=self._within(said, "temperature", said.temperature_celsius, COLDEST, HOTTEST),
            power_watts=self._within(said, "power", said.power_watts, 0, MOST_WATTS),
            power_limit_watts=self._within(said, "power limit", said.power_limit_watts, 1, MOST_WATTS),
            driver_version=said.driver_version,
            runtime_version=said.runtime_version,
            compute_capability=said.compute_capability,
            architecture=said.architecture,
            health=said.health,
            links=said.links,
            partitioning=said.partitioning,
            selectors=selectors,
        )

    def say(self, message: str, *, hint: str = LIES_HINT) -> None:
        self.problems.append(Problem(vendor=self.vendor, message=message, hint=hint))

    def _within(self, said: Figures, what: str, value: float | None, low: float, high: float) -> float | None:
        if value is None or low <= value <= high:
            return value
        words = what.removesuffix("_bytes").replace("_", " ")
        self.say(f"Card {said.index}: its {words} cannot be {value:g}.")
        return None

    def _address(self, said: Figures) -> BusId | None:
        address = normal_address(said.bus_id)
        if said.bus_id and address is None:
            self.say(f"Card {said.index}: {said.bus_id!r} is no PCI address.")
        return address


def normal_address(text: str | None) -> BusId | None:
    """`00000000:2A:00.0`, as NVML's children write it, in the kernel's spelling; None for anything else."""
    match = ADDRESS.fullmatch((text or "").strip().lower())
    return f"{int(match[1], 16):04x}:{match[2]}:{match[3]}.{match[4]}" if match else None


def cards_on_bus(world: World, vendor_id: str) -> tuple[PciDevice, ...]:
    """The vendor's devices that are cards; some make network devices and bridges under the same id."""
    return tuple(device for device in world.cards(vendor_id) if device.device_class.startswith(CARD_CLASSES))


def unlisted(
    cards: Collection[Accelerator], devices: Iterable[PciDevice], *, checker: Checker, skipped: Collection[BusId] = ()
) -> tuple[Accelerator, ...]:
    """Cards on the bus that the driver does not list: fallen out, or never come up. None where addresses are unknown.

    `skipped` are addresses that the driver lists and that are no cards of their own.
    """
    if any(card.bus_id is None for card in cards):
        return ()
    listed = {*(card.bus_id for card in cards), *skipped}
    gone = [device for device in devices if device.bus_id not in listed]
    first = 1 + max((card.index for card in cards), default=-1)
    for device in gone:
        checker.say(f"The driver does not list the card at {device.bus_id}.", hint="Look for it in the kernel's log.")
    return tuple(
        Accelerator(
            family=checker.family,
            vendor=checker.vendor,
            name=f"PCI device {device.vendor_id}:{device.device_id}",
            index=first + place,
            bus_id=device.bus_id,
            memory_bytes=0,
            health=Health(state=HealthState.FAILED, reasons=("The driver does not list this card.",)),
            numa_node=device.numa_node,
        )
        for place, device in enumerate(gone)
    )


def display_nodes(world: World, bus_id: BusId | None) -> tuple[str, ...]:
    """The card's nodes under /dev/dri, which the kernel names in its PCI folder (kernel: sysfs-class-drm)."""
    if bus_id is None:
        return ()
    folder = world.root / "sys/bus/pci/devices" / bus_id / "drm"
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    return tuple(f"/dev/dri/{name}" for name in names if name.startswith(("card", "renderD")))


def health(*, failed: Iterable[str] = (), warnings: Iterable[str] = ()) -> Health:
    """The worst of what was found; `ok` when the vendor was asked and had nothing to say."""
    reasons = (*failed, *warnings)
    if not reasons:
        return Health(state=HealthState.OK)
    return Health(state=HealthState.FAILED if tuple(failed) else HealthState.WARNING, reasons=reasons)
