"""`efsmi -q` for the cards, `efsmi -L` for their DRS slices.

Field names are those of drivers 1.2 (`Mem Size`, `Mem Usage`) and 1.4 (`Total Size`, `Used Size`). The tool prints no
links. Of `efsmi -L` only rows with a slice's profile are read, as Enflame's own device plug-in does
(EnflameTechnology/gcushare, pkg/smi).
"""

import re
from dataclasses import replace

from appliance.hardware.inventory import Accelerator, BusId, Detected, Health, Partition, Partitioning
from appliance.hardware.vendors.enflame_names import HINT, drs_selectors, selectors
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import GIB, in_bytes, number, whole
from appliance.hardware.vendors.places import bus_id, numa_node
from appliance.hardware.vendors.questions import ask_together, needed, printed, unanswered
from appliance.hardware.world import VendorFailed, World

_CARD = re.compile(r"^DEV ID\s+(\d{1,4})\s*$", re.MULTILINE)
_SLICE = re.compile(r"^\W*(\d{1,4})\s+(\d{1,4}g\.(\d{1,4})gb)\s+\S+\s+(\S+)", re.MULTILINE)

UNCUT = "Whether the cards are cut up is not known."

Fields = dict[str, str]


def from_tool(world: World) -> Detected:
    told, listed = ask_together(world, "efsmi", ("-q",), ("-L",))
    _, *blocks = _CARD.split(needed(told))
    if not blocks:
        raise VendorFailed("efsmi -q lists no card.")
    slices = read_slices(printed(listed))
    figures = Figures("enflame")
    pairs = zip(blocks[::2], blocks[1::2], strict=True)
    found = figures.distinct(
        _accelerator(world, int(index), read_fields(block), figures=figures, slices=slices.get(int(index), ()))
        for index, block in pairs
    )
    silence = unanswered(listed, "efsmi -L", vendor="enflame", hint=HINT, costs=UNCUT)
    return Detected(accelerators=found, source="tool", problems=(*silence, *figures.problems))


def read_fields(block: str) -> Fields:
    """Names are unique within a card, but for `Current` and `Pending`, which are not read; `Dev` is not `Dev Name`."""
    pairs = (line.partition(":") for line in block.splitlines() if ":" in line)
    fields: Fields = {}
    for name, _, value in pairs:
        fields.setdefault(name.strip(), value.strip())
    return fields


def read_slices(text: str) -> dict[int, tuple[Partition, ...]]:
    """Rows of card, profile (`1g.11gb`), instance and UUID; the profile's name is where the memory stands."""
    slices: dict[int, tuple[Partition, ...]] = {}
    for card, profile, size, uuid in _SLICE.findall(text):
        part = Partition(name=profile, uuid=uuid, memory_bytes=int(size) * GIB)
        slices[int(card)] = (*slices.get(int(card), ()), part)
    return slices


def _accelerator(
    world: World, index: int, fields: Fields, *, figures: Figures, slices: tuple[Partition, ...]
) -> Accelerator:
    total, used = figures.memory(
        in_bytes(fields.get("Total Size") or fields.get("Mem Size")),
        in_bytes(fields.get("Used Size") or fields.get("Mem Usage")),
        card=index,
    )
    place = _place(fields)
    name = fields.get("Dev Name") or "GCU"
    chosen = selectors(world, index=index, address=place)
    parts = tuple(replace(one, selectors=drs_selectors(chosen, uuid=one.uuid)) for one in slices)
    return Accelerator(
        family="topsrider",
        vendor="enflame",
        name=name if name.startswith("Enflame") else f"Enflame {name}",
        index=index,
        uuid=fields.get("Dev UUID"),
        bus_id=place,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(number(fields.get("GCU Usage")), card=index),
        temperature_celsius=figures.celsius(number(fields.get("GCU Temp")), card=index),
        power_watts=figures.watts(number(fields.get("Cur Power")), card=index),
        power_limit_watts=figures.watts_limit(number(fields.get("Power Capa")), card=index),
        driver_version=fields.get("Ver"),
        health=_health(fields),
        numa_node=numa_node(world.pci, place),
        partitioning=Partitioning(mode="DRS" if parts else None, partitions=parts),
        selectors=chosen,
    )


def _place(fields: Fields) -> BusId | None:
    parts = [fields.get(name) for name in ("Domain", "Bus", "Dev", "Func")]
    if not all(parts):
        return None
    domain, bus, device, function = parts
    return bus_id(f"{domain}:{bus}:{device}.{function}")


def _health(fields: Fields) -> Health:
    """`Health` is the driver's word; RMA asks for the card to be sent back; DBE are uncorrected memory errors."""
    said, errors = fields.get("Health"), whole(fields.get("Total DBE") or fields.get("DBE"))
    warnings = ["The card asks to be returned (RMA)."] if fields.get("Flags") == "True" else []
    if errors:
        warnings.append(f"{errors} uncorrected (double-bit) memory errors.")
    failed = [] if said in (None, "True") else [f"The driver reports health {said}."]
    return health(failed=failed, warnings=warnings, asked=said is not None)
