"""Asks every vendor's module. A vendor is added by writing its module and naming its function in `DETECTORS`."""

import platform
from collections.abc import Callable

from appliance.hardware import cpu
from appliance.hardware.inventory import Accelerator, Inventory
from appliance.hardware.memory import read_memory
from appliance.hardware.processor import read_processor

Detector = Callable[[], tuple[Accelerator, ...]]

DETECTORS: tuple[Detector, ...] = (cpu.detect,)


def discover() -> Inventory:
    """The node as it is now. A detector returns nothing, and never raises, where its vendor's driver is absent."""
    return Inventory(
        hostname=platform.node(),
        kernel=platform.release(),
        processor=read_processor(),
        memory=read_memory(),
        accelerators=tuple(found for detect in DETECTORS for found in detect()),
    )
