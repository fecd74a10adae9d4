"""Which vendors there are, as names only: a vendor's module is imported where its PCI ids are seen. One line each."""

from dataclasses import dataclass
from pathlib import Path

from appliance.hardware.pci import PciDevice, is_card
from appliance.hardware.world import World

MODULES = "appliance.hardware.vendors"


@dataclass(frozen=True)
class Entry:
    """A vendor's module by its import path. `name` and `family` are those of its `VENDOR`.

    `nodes` are paths that stand for a card where the PCI bus shows none (a virtual machine, WSL).
    """

    name: str
    family: str
    pci_ids: tuple[str, ...]
    nodes: tuple[str, ...] = ()
    module: str = ""

    @property
    def path(self) -> str:
        return self.module or f"{MODULES}.{self.name}"

    def cards(self, world: World) -> tuple[PciDevice, ...]:
        """What is a card of this vendor as far as the PCI bus can tell."""
        return tuple(device for vendor_id in self.pci_ids for device in world.cards(vendor_id) if is_card(device))

    def may_be_present(self, world: World) -> bool:
        """The cheapest gate; the module's own `is_present` decides."""
        return bool(self.cards(world)) or any(world.exists(node) for node in self.nodes)


REGISTRY: tuple[Entry, ...] = (
    Entry("amd", "rocm", ("1002",)),
    Entry("ascend", "cann", ("19e5",)),
    Entry("cambricon", "neuware", ("cabc",)),
    Entry("enflame", "topsrider", ("1e36",)),
    Entry("gaudi", "gaudi", ("1da3",)),
    Entry("hygon", "dtk", ("1d94",)),
    Entry("iluvatar", "corex", ("1e3e",)),
    Entry("intel", "xpu", ("8086",), module=f"{MODULES}.intel_gpu"),
    Entry("kunlunxin", "kunlun", ("1d22",)),
    Entry("metax", "maca", ("9999",)),
    Entry("moore_threads", "musa", ("1ed5",)),
    Entry("nvidia", "cuda", ("10de",), nodes=("/dev/dxg",)),
    Entry("thead", "hggc", ("1ded",)),
)


def package_folder() -> Path:
    """The folder from which `appliance` was imported; a child must import the same."""
    return Path(__file__).resolve().parents[3]
