"""A node's sign of life: who it is, what it has, how far its usage is behind."""

import platform
import shutil
from importlib.metadata import version
from uuid import UUID

from appliance.base.contracts.heartbeat import AcceleratorReport, Heartbeat
from appliance.base.settings import Settings
from appliance.hardware.inventory import Accelerator, HealthState, Inventory

HEARTBEAT_PATH = "/api/v1/nodes/heartbeat"
DISTRIBUTION = "thousand-sails"


def compose(
    inventory: Inventory, *, node_id: UUID, settings: Settings, spool_bytes: int, spool_oldest_seconds: float
) -> Heartbeat:
    """Memory is what this node may use: the control group's limit where there is one."""
    memory = inventory.memory
    return Heartbeat(
        node_id=node_id,
        hostname=inventory.hostname,
        address=settings.http.bind,
        appliance_version=version(DISTRIBUTION),
        os=f"{os_name()}, kernel {inventory.kernel}",
        architecture=inventory.processor.architecture,
        cpu_model=inventory.processor.name,
        cpu_count=inventory.processor.cores,
        cpu_flags=inventory.processor.flags,
        memory_bytes=memory.limit_bytes or memory.total_bytes,
        disk_free_bytes=shutil.disk_usage(settings.paths.root).free,
        accelerators=tuple(report(accelerator) for accelerator in inventory.accelerators),
        spool_bytes=spool_bytes,
        spool_oldest_seconds=spool_oldest_seconds,
    )


def report(accelerator: Accelerator) -> AcceleratorReport:
    return AcceleratorReport(
        key=accelerator.uuid or f"{accelerator.family}-{accelerator.index}",
        index=accelerator.index,
        vendor=accelerator.vendor,
        family=accelerator.family,
        name=accelerator.name,
        memory_bytes=accelerator.memory_bytes,
        driver_version=accelerator.driver_version,
        healthy=accelerator.health.state is not HealthState.FAILED,
        problem=" ".join(accelerator.health.reasons) or None,
    )


def os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()
