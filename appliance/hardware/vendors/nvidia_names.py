"""Names of NVIDIA's part: libraries, products, and what a card is selected by."""

import re

from appliance.hardware.inventory import Partition, Selectors
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.world import World

SYSTEM_LIBRARIES = (
    "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
    "usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1",
    "usr/lib64/libnvidia-ml.so.1",
    "run/nvidia/driver/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
    "libnvidia-ml.so.1",
)
"""Debian's and Red Hat's places, the GPU operator's driver container, then the loader."""
HINT = (
    "Install or repair the NVIDIA driver (nvidia-smi must list every card); in a container, use the NVIDIA container "
    "toolkit with the capability utility."
)
PRODUCTS = {
    "1db5": "Tesla V100-SXM2-32GB",
    "1eb8": "Tesla T4",
    "20b0": "NVIDIA A100-SXM4-40GB",
    "20b2": "NVIDIA A100-SXM4-80GB",
    "20b5": "NVIDIA A100 80GB PCIe",
    "20f3": "NVIDIA A800-SXM4-80GB",
    "2235": "NVIDIA A40",
    "2236": "NVIDIA A10",
    "2324": "NVIDIA H800",
    "2329": "NVIDIA H20",
    "2330": "NVIDIA H100 80GB HBM3",
    "2331": "NVIDIA H100 PCIe",
    "2335": "NVIDIA H200",
    "26b5": "NVIDIA L40",
    "26b9": "NVIDIA L40S",
    "2684": "NVIDIA GeForce RTX 4090",
    "27b8": "NVIDIA L4",
    "2901": "NVIDIA B200",
}
"""From the PCI ID repository (pci.ids); only for cards that nobody could be asked about."""
BRAND = Brand("nvidia", "cuda", "10de", hint=HINT, products=PRODUCTS, nodes=("dev/nvidiactl",))
"""The node, because WSL and some containers show no bus."""
MIG_PROFILE = re.compile(r"(?:[0-9]+c\.)?[0-9]+g\.[0-9]+gb(?:\+[a-z.]+)?")
SHARED_NODES = ("dev/nvidiactl", "dev/nvidia-uvm", "dev/nvidia-uvm-tools", "dev/nvidia-modeset")


def selectors(world: World, *, index: int, uuid: str | None, minor: int | None) -> Selectors:
    """The process gets the index: CUDA would take UUIDs too, but vLLM reads the value as a number (vllm issue 13815).

    NVML and nvidia-smi count in the order of PCI addresses, CUDA by speed unless CUDA_DEVICE_ORDER=PCI_BUS_ID says
    otherwise (CUDA programming guide, "CUDA Environment Variables"): with it, both indices are the same.
    """
    nodes = (f"dev/nvidia{minor if minor is not None else index}", *SHARED_NODES)
    return Selectors(
        process={"CUDA_VISIBLE_DEVICES": str(index)},
        container={"NVIDIA_VISIBLE_DEVICES": uuid or str(index)},
        fixed={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        device_nodes=tuple(f"/{node}" for node in nodes if world.exists(node)),
        kubernetes="nvidia.com/gpu",
    )


def mig_partition(*, name: str, uuid: str, memory_bytes: int) -> Partition:
    """A MIG device, chosen by its UUID everywhere (NVIDIA, Multi-Instance GPU user guide, "CUDA Visible Devices" and
    "Running CUDA Applications as Containers"); CUDA shows a process one of them at most. An engine that reads
    CUDA_VISIBLE_DEVICES as a number stops at a UUID (vllm issue 41848): in a container the other name is enough.

    Which capability files it has is not told, the container toolkit finds them. The resource is the device plug-in's
    for cards cut up differently (its strategy `mixed`).
    """
    profile = MIG_PROFILE.search(name)
    chosen = Selectors(
        process={"CUDA_VISIBLE_DEVICES": uuid},
        container={"NVIDIA_VISIBLE_DEVICES": uuid},
        kubernetes=f"nvidia.com/mig-{profile[0].replace('+', '.')}" if profile else None,
    )
    return Partition(name=name, uuid=uuid, memory_bytes=memory_bytes, selectors=chosen if uuid else Selectors())
