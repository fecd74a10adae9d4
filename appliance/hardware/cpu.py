"""The processor as a device that engines run on: one accelerator of family `cpu`."""

from appliance.hardware.inventory import Accelerator
from appliance.hardware.memory import read_memory
from appliance.hardware.processor import read_processor


def detect() -> tuple[Accelerator, ...]:
    """Always one; its memory is what engines may use: the control group's limit, or all of it."""
    processor, memory = read_processor(), read_memory()
    return (
        Accelerator(
            family="cpu",
            vendor=processor.name.split()[0].lower(),
            name=processor.name,
            index=0,
            memory_bytes=memory.limit_bytes or memory.total_bytes,
        ),
    )
