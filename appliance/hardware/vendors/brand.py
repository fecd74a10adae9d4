"""What there is to know of one vendor: its names, its cards on the PCI bus, and whom to ask about them in turn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from appliance.hardware.inventory import Detected, Problem
from appliance.hardware.pci import PciDevice, is_card
from appliance.hardware.vendors.places import unlisted
from appliance.hardware.vendors.vendor import Vendor, from_pci
from appliance.hardware.world import VendorFailed, World

Ways = tuple[tuple[str, Callable[[World], Detected]], ...]
"""Each with the name by which an admin knows it."""


@dataclass(frozen=True)
class Brand:
    """`pci_id` is four lower-case hex digits; `is_card` tells its cards from the vendor's other devices of that id.

    `products` are names by PCI device id, for cards that nobody could be asked about. `nodes` are the driver's own
    device nodes, where a container may see those and no PCI bus. `hint` says what to install.
    """

    name: str
    family: str
    pci_id: str
    hint: str
    products: Mapping[str, str] = field(default_factory=dict[str, str])
    nodes: tuple[str, ...] = ()
    is_card: Callable[[PciDevice], bool] = is_card

    def cards(self, world: World) -> tuple[PciDevice, ...]:
        return tuple(device for device in world.cards(self.pci_id) if self.is_card(device))

    def is_present(self, world: World) -> bool:
        return bool(self.cards(world)) or any(world.exists(node) for node in self.nodes)

    def product(self, device: PciDevice | None, *, unknown: str = "") -> str:
        """The name of a card that does not tell its own; `unknown` where its id is not known either."""
        if device is None:
            return unknown or f"PCI device {self.pci_id}:unknown"
        return self.products.get(device.device_id) or unknown or f"PCI device {self.pci_id}:{device.device_id}"

    def problem(self, message: str) -> Problem:
        return Problem(vendor=self.name, message=message, hint=self.hint)

    def bare(self, world: World) -> Detected:
        """Cards that nobody could be asked about: where they are, and what their device id stands for."""
        return from_pci(self.cards(world), vendor=self.name, family=self.family, products=self.products)


def vendor_of(brand: Brand, *, ways: Ways, bare: Callable[[World], Detected] | None = None) -> Vendor:
    """The library, then the tool, then what the PCI bus alone says (`bare`)."""
    return Vendor(
        name=brand.name,
        family=brand.family,
        pci_ids=(brand.pci_id,),
        is_present=brand.is_present,
        detect=lambda world: first_that_works(world, brand, ways=ways, bare=bare or brand.bare),
    )


def first_that_works(world: World, brand: Brand, *, ways: Ways, bare: Callable[[World], Detected]) -> Detected:
    """Every way that failed becomes a Problem, and so do cards of the bus that the one that worked did not name."""
    problems: list[Problem] = []
    for name, way in ways:
        try:
            found = way(world)
        except VendorFailed as error:
            problems.append(brand.problem(f"{name}: {error}"))
            continue
        lost = unlisted(brand.cards(world), (card.bus_id for card in found.accelerators), vendor=brand.name)
        return replace(found, problems=(*problems, *found.problems, *lost))
    found = bare(world)
    return replace(found, problems=(*problems, *found.problems))
