"""One card as a library or a tool tells it, unchecked, for vendors that repeat NVML or nvidia-smi's table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from appliance.hardware.inventory import (
    Accelerator,
    Detected,
    Health,
    Link,
    Partitioning,
    Problem,
    Selectors,
)
from appliance.hardware.vendors.brand import Brand
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.places import bus_id
from appliance.hardware.world import World


@dataclass
class Reading:
    """As the vendor says it, in our units; nothing is believed yet. `utilization` is in percent.

    `minor` is the number of the card's device node, which need not be its index.
    """

    index: int
    name: str | None = None
    uuid: str | None = None
    place: str | None = None
    minor: int | None = None
    memory_bytes: float | None = None
    memory_used_bytes: float | None = None
    utilization: float | None = None
    temperature_celsius: float | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    driver_version: str | None = None
    runtime_version: str | None = None
    compute_capability: str | None = None
    health: Health = field(default_factory=Health)
    links: tuple[Link, ...] = ()
    partitioning: Partitioning = field(default_factory=Partitioning)


@dataclass(frozen=True)
class CardMaker:
    """Makes cards of readings; `selectors` says how the brand's are selected."""

    brand: Brand
    selectors: Callable[[World, Reading], Selectors]

    def detected(
        self,
        world: World,
        readings: Sequence[Reading],
        *,
        source: Literal["library", "tool"],
        problems: Sequence[Problem] = (),
    ) -> Detected:
        figures = Figures(self.brand.name)
        cards = figures.distinct(self._card(world, one, figures) for one in readings)
        return Detected(accelerators=cards, source=source, problems=(*problems, *figures.problems))

    def _card(self, world: World, said: Reading, figures: Figures) -> Accelerator:
        index = said.index
        total, used = figures.memory(said.memory_bytes, said.memory_used_bytes, card=index)
        return Accelerator(
            family=self.brand.family,
            vendor=self.brand.name,
            name=said.name or "unknown",
            index=index,
            uuid=said.uuid,
            bus_id=bus_id(said.place),
            memory_bytes=total,
            memory_used_bytes=used,
            utilization=figures.share(said.utilization, card=index),
            temperature_celsius=figures.celsius(said.temperature_celsius, card=index),
            power_watts=figures.watts(said.power_watts, card=index),
            power_limit_watts=figures.watts_limit(said.power_limit_watts, card=index),
            driver_version=said.driver_version,
            runtime_version=said.runtime_version,
            compute_capability=said.compute_capability,
            health=said.health,
            links=said.links,
            partitioning=said.partitioning,
            selectors=self.selectors(world, said),
        )
