"""Asks every vendor whose gate is open, all at the same time, each in its own process that stays between looks."""

import importlib
import selectors
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.base.clock import monotonic
from appliance.hardware.inventory import Accelerator, Detected, Health, HealthState, Problem
from appliance.hardware.vendor_process import VendorProcess
from appliance.hardware.vendors.registry import REGISTRY, Entry
from appliance.hardware.vendors.vendor import Vendor, from_pci
from appliance.hardware.world import VendorFailed, World

VENDOR_SECONDS = 2.0
"""All that one vendor may cost."""

FAILED_HINT = "Run the vendor's own tool on this node; where that fails too, restart its driver or the node."
STUCK = "Its process hangs in the kernel and cannot be ended; no other is started beside it."
IMPORT_HINT = "The installation is damaged: install the appliance again."


@dataclass
class Watched:
    """One vendor: its process, the cards it last named, and what it said in this look."""

    entry: Entry
    process: VendorProcess | None = None
    is_broken: bool = False
    last: Detected | None = None
    answer: Detected | None = None
    problems: list[Problem] = field(default_factory=list[Problem])

    def fail(self, message: str, *, hint: str = FAILED_HINT) -> None:
        self.problems.append(Problem(vendor=self.entry.name, message=message, hint=hint))
        self.is_broken = True
        if self.process:
            self.process.kill()


class Watcher:
    """`look` as often as you like, from one thread at a time; `close`, or leave the block, to end the processes."""

    def __init__(self, root: Path = Path("/"), *, registry: Sequence[Entry] = REGISTRY) -> None:
        self._root = root.absolute()
        self._watched = [Watched(entry) for entry in registry]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        for one in self._watched:
            if one.process:
                one.process.kill()
                one.process = None

    def look(self) -> tuple[Detected, ...]:
        """One answer for each vendor that is present, in the registry's order; `VENDOR_SECONDS` at most."""
        world = World(root=self._root, system_paths=self._root == Path("/"))
        asked = [one for one in self._watched if self._is_present(one, world)]
        deadline = monotonic() + VENDOR_SECONDS
        for one in asked:
            self._ask(one)
        _collect([one for one in asked if not one.problems], deadline=deadline)
        return tuple(_conclude(one, world) for one in asked)

    def _is_present(self, one: Watched, world: World) -> bool:
        """The gate. A module that cannot be imported counts as present, so that its Problem is seen."""
        one.answer, one.problems = None, []
        if one.entry.may_be_present(world):
            try:
                vendor: Vendor = importlib.import_module(one.entry.path).VENDOR
            except (ImportError, AttributeError) as error:
                one.fail(f"Its module cannot be loaded: {error}", hint=IMPORT_HINT)
                return True
            if vendor.is_present(world):
                return True
        if one.process:
            one.process.kill()
        one.process = one.last = None
        return False

    def _ask(self, one: Watched) -> None:
        """A process that is dead, or was killed, is replaced; one that does not die of being killed is not."""
        if one.problems:
            return
        if one.process and (one.is_broken or not one.process.is_alive):
            one.process.kill()
            if one.process.is_alive:
                one.fail(STUCK)
                return
            one.process = None
        try:
            one.process = one.process or VendorProcess(one.entry, root=self._root)
        except OSError as error:
            one.fail(f"No process could be started for it: {error.strerror}.")
            return
        one.is_broken = False
        one.process.ask()


def _collect(waiting: Sequence[Watched], *, deadline: float) -> None:
    """Reads answers as they come; whoever has not answered by the deadline is killed."""
    with selectors.DefaultSelector() as selector:
        for one in waiting:
            assert one.process is not None
            selector.register(one.process, selectors.EVENT_READ, one)
        while selector.get_map() and (left := deadline - monotonic()) > 0:
            for key, _ in selector.select(left):
                one: Watched = key.data
                if _take(one):
                    selector.unregister(key.fileobj)
        late: list[Watched] = [key.data for key in selector.get_map().values()]
    for one in late:
        one.fail(f"Its library did not answer within {VENDOR_SECONDS:g} s.")


def _take(one: Watched) -> bool:
    """True when there is nothing more to wait for."""
    assert one.process is not None
    try:
        one.answer = one.process.read()
    except VendorFailed as error:
        one.fail(str(error))
        return True
    return one.answer is not None


def _conclude(one: Watched, world: World) -> Detected:
    """The answer; without one, the cards as they were last known, else what the PCI bus alone says of them."""
    answer = one.answer
    if answer and (answer.accelerators or not answer.problems):
        one.last = answer
        return answer
    problems = (*one.problems, *(answer.problems if answer else ()))
    cards = one.entry.cards(world)
    here = {card.bus_id for card in cards}
    if one.last and here == {card.bus_id for card in one.last.accelerators}:
        aged = tuple(_aged(card) for card in one.last.accelerators)
        return replace(one.last, accelerators=aged, problems=problems)
    found = from_pci(cards, vendor=one.entry.name, family=one.entry.family, products={})
    return replace(found, problems=problems)


def _aged(card: Accelerator) -> Accelerator:
    """A card nobody can be asked about now: it keeps its name and place, and has no figures that change."""
    return replace(
        card,
        memory_used_bytes=None,
        utilization=None,
        temperature_celsius=None,
        power_watts=None,
        health=Health(state=HealthState.UNKNOWN, reasons=("Its vendor's software does not answer.",)),
    )
