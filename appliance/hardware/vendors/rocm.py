"""What AMD's and Hygon's cards share: the driver's /sys (Hygon's descends from amdgpu), versions and selectors.

Which of the two a card is, its PCI vendor id decides; tools and libraries of the same name are on both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from appliance.hardware.inventory import BusId, Selectors
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.places import address
from appliance.hardware.world import World

KFD_NODES = "sys/class/kfd/kfd/topology/nodes"


@dataclass(frozen=True)
class Maker:
    """`version_files` are tried in order, below the root."""

    brand: Brand
    libraries: tuple[str, ...]
    driver_files: tuple[str, ...]
    runtime_files: tuple[str, ...]
    control_nodes: tuple[str, ...]
    container: str
    kubernetes: str
    fabric: str

    def driver_version(self, world: World) -> str | None:
        return first_text(world, self.driver_files)

    def runtime_version(self, world: World) -> str | None:
        return first_text(world, self.runtime_files)


@dataclass(frozen=True)
class KfdNode:
    """A GPU as the compute driver lists it; HIP counts them in this order."""

    order: int
    bus_id: BusId
    architecture: str | None
    render_node: str | None


def first_text(world: World, paths: tuple[str, ...]) -> str | None:
    return next((text for path in paths if (text := world.text(path))), None)


def read_kfd(world: World) -> tuple[KfdNode, ...]:
    """Nodes with SIMDs are GPUs, the others processors (kernel: amdkfd, kfd_topology.c)."""
    gpus = (node for node in _kfd_properties(world) if node.get("simd_count", 0) > 0)
    return tuple(
        KfdNode(
            order=order,
            bus_id=_place(node.get("domain", 0), node.get("location_id", 0)),
            architecture=_architecture(node.get("gfx_target_version", 0)),
            render_node=f"dev/dri/renderD{node['drm_render_minor']}" if node.get("drm_render_minor") else None,
        )
        for order, node in enumerate(gpus)
    )


def selectors(world: World, maker: Maker, *, index: int, node: KfdNode | None) -> Selectors:
    """A process counts as HIP does, and HIP as ROCr, which lists GPUs in the order of the compute driver's nodes
    (/sys/class/kfd; ROCm documentation, "GPU isolation techniques", where HIP_VISIBLE_DEVICES takes indices only). That
    need not be the order of the management library, whose index the container runtime goes by. Where the driver shows
    no nodes, the index stands in.
    """
    nodes = (*maker.control_nodes, *((node.render_node,) if node and node.render_node else ()))
    return Selectors(
        process={"HIP_VISIBLE_DEVICES": str(node.order if node else index)},
        container={maker.container: str(index)},
        device_nodes=tuple(f"/{path}" for path in nodes if world.exists(path)),
        kubernetes=maker.kubernetes,
    )


class KfdNodes:
    """Hands out the KFD nodes of a place one after the other: a card cut into partitions has several at one address."""

    def __init__(self, nodes: tuple[KfdNode, ...]) -> None:
        self._left = list(nodes)

    def take(self, place: BusId | None) -> KfdNode | None:
        node = next((one for one in self._left if one.bus_id == place), None)
        if node:
            self._left.remove(node)
        return node


@dataclass(frozen=True)
class Survey:
    """One look at all cards of a maker, for those who build them one by one."""

    world: World
    maker: Maker
    devices: tuple[PciDevice, ...]
    figures: Figures
    nodes: KfdNodes


def survey(world: World, maker: Maker) -> Survey:
    return Survey(
        world=world,
        maker=maker,
        devices=maker.brand.cards(world),
        figures=Figures(maker.brand.name, tells_silence=True),
        nodes=KfdNodes(read_kfd(world)),
    )


def settled(place: BusId, devices: tuple[PciDevice, ...]) -> BusId:
    """Where a card is partitioned, the driver may put the partition's number in place of the PCI function."""
    known = {device.bus_id for device in devices}
    whole = f"{place[:-1]}0"
    return whole if place not in known and whole in known else place


def _kfd_properties(world: World) -> Iterator[dict[str, int]]:
    folder = world.root / KFD_NODES
    names = sorted((entry.name for entry in folder.iterdir()), key=_numbered) if folder.is_dir() else []
    for name in names:
        text = world.text(str(PurePosixPath(KFD_NODES) / name / "properties")) or ""
        pairs = (line.split() for line in text.splitlines())
        yield {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def _numbered(name: str) -> int:
    return int(name) if name.isdecimal() else 1 << 30


def _place(domain: int, location: int) -> BusId:
    return address(domain, location >> 8 & 0xFF, location >> 3 & 0x1F, location & 0x7)


def _architecture(version: int) -> str | None:
    """90402 is gfx942, 90010 gfx90a: two decimal digits each, of which the last two are written as one hex digit."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}" if version else None
