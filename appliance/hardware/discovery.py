"""The node as it is now: processor, memory, and every vendor's cards. A vendor is added in `vendors.registry`."""

import platform
from collections.abc import Sequence
from pathlib import Path

from appliance.hardware import cpu
from appliance.hardware.inventory import Detected, Inventory
from appliance.hardware.memory import read_memory
from appliance.hardware.processor import read_processor
from appliance.hardware.topology import with_links
from appliance.hardware.vendors.registry import REGISTRY, Entry
from appliance.hardware.watcher import Watcher

SLASH = Path("/")


def discover(root: Path = SLASH, *, registry: Sequence[Entry] = REGISTRY) -> Inventory:
    """One look, two seconds at most; never raises for a vendor's part. `root`: another machine's files, to replay."""
    with Watcher(root, registry=registry) as watcher:
        return take_stock(watcher, root=root)


def take_stock(watcher: Watcher, *, root: Path = SLASH) -> Inventory:
    """What a watcher sees now, with the processor beside it."""
    return inventory_of(watcher.look(), root=root)


def inventory_of(answers: Sequence[Detected], *, root: Path = SLASH) -> Inventory:
    """Links that the vendors did not name are read off the bus."""
    processor, memory = read_processor(root), read_memory(root)
    cards = tuple(card for answer in answers for card in with_links(answer.accelerators, root=root))
    return Inventory(
        hostname=platform.node(),
        kernel=platform.release(),
        processor=processor,
        memory=memory,
        accelerators=(cpu.detect(processor, memory), *cards),
        card_groups={answer.accelerators[0].family: answer.card_groups for answer in answers if answer.card_groups},
        problems=tuple(problem for answer in answers for problem in answer.problems),
    )
