"""Kunlunxin's names: by which names an XPU is chosen, and which XPUs of a P800 board work together."""

from collections.abc import Sequence

from appliance.hardware.inventory import Accelerator, Selectors
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.world import World

CONTROL_NODE = "/dev/xpuctrl"
PRODUCTS = {"3684": "Kunlun AI Accelerator", "3685": "Kunlun2 AI Accelerator [VF]", "3688": "P800"}
"""The PCI ID repository; 3688 from a published table of device ids, which is no word of the vendor's."""
HINT = "Install the Kunlunxin driver (XRE): `xpu-smi -q` must list the cards, and /dev/xpuctrl must exist."
BRAND = Brand("kunlunxin", "kunlun", "1d22", hint=HINT, products=PRODUCTS, nodes=(CONTROL_NODE,))
P800_OAM = "P800 OAM"
FOURS = ((0, 1, 2, 3), (4, 5, 6, 7))
ACROSS = ((0, 4), (1, 5), (2, 6), (3, 7))


def selectors(world: World, *, index: int, minor: int | None) -> Selectors:
    """Processes count the tool's indices; the file `/dev/xpuN` goes by the minor number, which may be another (card 1
    of a published P800 server is /dev/xpu2). No container variable: Kunlunxin's images are given the files.
    """
    own = () if minor is None else (f"/dev/xpu{minor}",)
    return Selectors(
        process={"XPU_VISIBLE_DEVICES": str(index)},
        device_nodes=(*own, *((CONTROL_NODE,) if world.exists(CONTROL_NODE) else ())),
        kubernetes="kunlunxin.com/xpu",
    )


def card_groups(found: Sequence[Accelerator]) -> dict[int, tuple[tuple[int, ...], ...]]:
    """Eight P800 OAM modules on one board are two fully linked fours, each card also linked to its like in the other.

    Fours: FastDeploy's page for the P800. Pairs: any two that a link joins, as HAMi's Kunlun scheduler has it
    (pkg/device/kunlun) and as `xpu-smi topo -m` of such a node shows. Other boards, and PCIe cards, are not restricted.
    """
    if len(found) != 8 or any(card.name != P800_OAM for card in found):
        return {}
    within = tuple((four[one], four[two]) for four in FOURS for one in range(4) for two in range(one + 1, 4))
    return {2: tuple(sorted((*within, *ACROSS))), 4: FOURS, 8: (tuple(range(8)),)}
