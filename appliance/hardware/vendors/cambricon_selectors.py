"""By which names an MLU is chosen."""

from appliance.hardware.inventory import Selectors
from appliance.hardware.world import World

CONTROL_NODE = "/dev/cambricon_ctl"
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
