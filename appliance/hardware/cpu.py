"""The processor as a device that engines run on: one accelerator of family `cpu`."""

from appliance.hardware.inventory import Accelerator, Health, HealthState, Memory, Processor


def detect(processor: Processor, memory: Memory) -> Accelerator:
    """There always is one; its memory is what engines may use: the control group's limit, or all of it."""
    return Accelerator(
        family="cpu",
        vendor=processor.name.split()[0].lower(),
        name=processor.name,
        index=0,
        memory_bytes=memory.limit_bytes or memory.total_bytes,
        health=Health(state=HealthState.OK),
    )
