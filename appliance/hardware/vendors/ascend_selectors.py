"""By which names an Ascend chip is chosen."""

from appliance.hardware.inventory import Selectors
from appliance.hardware.world import World

CONTROL_NODES = ("/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc")


def selectors(world: World, *, name: str, logic_id: int, physical_id: int | None) -> Selectors:
    """Processes count logic ids; the files `/dev/davinciN` and Ascend's container runtime go by the physical id, and a
    physical id that is unknown selects no file. The resource names are those of Ascend's device plug-in.
    """
    own = () if physical_id is None else (f"/dev/davinci{physical_id}",)
    return Selectors(
        process={"ASCEND_RT_VISIBLE_DEVICES": str(logic_id)},
        container={} if physical_id is None else {"ASCEND_VISIBLE_DEVICES": str(physical_id)},
        device_nodes=(*own, *(node for node in CONTROL_NODES if world.exists(node))),
        kubernetes=f"huawei.com/Ascend{_generation(name)}",
    )


def _generation(name: str) -> str:
    return next((generation for generation in ("310P", "310") if generation in name), "910")
