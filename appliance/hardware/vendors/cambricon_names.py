"""Cambricon's names, and by what an MLU is chosen."""

from appliance.hardware.inventory import Selectors
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.world import World

CONTROL_NODE = "/dev/cambricon_ctl"
HINT = "Install the Cambricon driver: `cnmon` must list the cards, and /dev/cambricon_ctl must exist."
BRAND = Brand("cambricon", "neuware", "cabc", hint=HINT, nodes=(CONTROL_NODE,))
"""Device ids are not published with names, so a card that only the bus tells of keeps its id for one."""
OWN_NODES = ("/dev/cambricon_dev{}", "/dev/cambricon_ipcm{}")
SHARED_NODES = (CONTROL_NODE, "/dev/cambricon_gdr")


def selectors(world: World, *, index: int) -> Selectors:
    """The files are those that Cambricon's device plug-in gives to a container; all but the card's own only where there
    are any, because which of them exist depends on the driver.
    """
    own, *more = (pattern.format(index) for pattern in OWN_NODES)
    return Selectors(
        process={"MLU_VISIBLE_DEVICES": str(index)},
        container={"CAMBRICON_VISIBLE_DEVICES": str(index)},
        device_nodes=(own, *(node for node in (*more, *SHARED_NODES) if world.exists(node))),
        kubernetes="cambricon.com/mlu",
    )


def slice_selectors(index: int, *, node: str | None, ipcm_node: str | None) -> Selectors:
    """By files alone: the card's own, and the slice's capability (`/dev/cambricon-caps/cap_dev0_mi1`), as Cambricon's
    device plug-in gives them to a container (cambricon-k8s-device-plugin, pkg/mlu/server.go). A container sees the
    slice whose file it has; no variable for it is documented, nor a way for a process outside of one.
    """
    if node is None or not node.startswith("/dev/"):
        return Selectors()
    card, ipcm = (pattern.format(index) for pattern in OWN_NODES)
    return Selectors(device_nodes=(card, ipcm_node or ipcm, node, CONTROL_NODE))
