"""`npu-smi`: the table of `info`, the ids of `info -m`, the links of `info -t topo`.

The tables are those that npu-smi 24 and 25 print; a driver for cards with two dies writes a chip's physical id after
its chip number, and `-` for what one die does not measure. Only `info` must answer; the rest is noted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.hardware.inventory import Accelerator, Detected, Health, HealthState, Link
from appliance.hardware.vendors.ascend_names import HINT, selectors
from appliance.hardware.vendors.ascend_versions import cann_version
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.numbers import MIB, number, ordinal
from appliance.hardware.vendors.places import bus_id, numa_node
from appliance.hardware.vendors.questions import ask_together, needed, printed, unanswered
from appliance.hardware.vendors.topology_matrix import NO_LINKS, read_links
from appliance.hardware.world import VendorFailed, World

FOLDERS = ("usr/local/sbin",)
VERSION = "/usr/local/Ascend/driver/version.info"
HEALTH = {
    "OK": HealthState.OK,
    "Warning": HealthState.WARNING,
    "Alarm": HealthState.FAILED,
    "Critical": HealthState.FAILED,
}
FABRIC = re.compile(r"HCCS|HCCS_SW|SIO")
BY_ORDER = "Logic ids are taken from the order of the table."

_MAPPING = re.compile(r"^\s*(\d{1,4})\s+(\d{1,4})\s+(\d{1,4})\s+(?:(\d{1,4})\s+)?(\S.*?)\s*$", re.MULTILINE)
_PAIR = re.compile(r"(\d+)\s*/\s*(\d+)")


@dataclass(frozen=True)
class Row:
    """One chip of the table; `npu` and `chip` are the tool's own numbers for a card and its chip."""

    npu: int
    chip: int
    physical_id: int | None
    name: str
    health: str
    watts: float | None
    celsius: float | None
    address: str | None
    percent: float | None
    memory_used: float | None
    memory_total: float | None


@dataclass(frozen=True)
class Ids:
    logic: int
    physical: int | None


def from_tool(world: World) -> Detected:
    table, mapping, topology = ask_together(
        world, "npu-smi", ("info",), ("info", "-m"), ("info", "-t", "topo"), folders=FOLDERS
    )
    rows = read_table(needed(table))
    if not rows:
        raise VendorFailed("npu-smi info prints no table of NPUs.")
    ids = _with_nodes(world, _ids(rows, read_mapping(printed(mapping))))
    links = read_links(printed(topology), prefix="NPU", fabric=FABRIC)
    figures = Figures("ascend")
    found = figures.distinct(
        _accelerator(world, row, ids=ids[row.npu, row.chip], figures=figures, links=links)
        for row in sorted(rows, key=lambda row: ids[row.npu, row.chip].logic)
    )
    problems = (
        *unanswered(mapping, "npu-smi info -m", vendor="ascend", hint=HINT, costs=BY_ORDER),
        *(unanswered(topology, "npu-smi info -t topo", vendor="ascend", hint=HINT, costs=NO_LINKS) if rows[1:] else ()),
        *figures.problems,
    )
    return Detected(accelerators=found, source="tool", problems=problems)


def read_table(text: str) -> tuple[Row, ...]:
    """Pairs of lines, a card's and its chip's, up to the table of processes. A pair that does not fit is left out."""
    rows: list[Row] = []
    above: list[str] | None = None
    for line in text.partition("Process id")[0].splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != 3:
            continue
        address = bus_id(cells[1])
        if address is None:
            above = cells if cells[0][:1].isdigit() else None
        elif above is not None:
            row = _row(above, cells, address)
            rows += [row] if row else []
    return tuple(rows)


def _row(above: list[str], below: list[str], address: str) -> Row | None:
    """`| 0  910B3 | OK | 101.8  43  0 / 0 |` over `| 0 | 0000:C1:00.0 | 0  0 / 0  3318 / 65536 |`."""
    card, _, name = above[0].partition(" ")
    npu, chip = ordinal(card), [ordinal(word) for word in below[0].split()]
    if npu is None or not name.strip() or not chip or chip[0] is None:
        return None
    watts, _, rest = above[2].partition(" ")
    measured = rest.split()
    memory = _PAIR.findall(below[2])
    used, total = memory[-1] if memory else (None, None)
    if memory and total == "0":
        used, total = next(((one, all_) for one, all_ in memory if all_ != "0"), (used, total))
    return Row(
        npu=npu,
        chip=chip[0],
        physical_id=chip[1] if len(chip) > 1 else None,
        name=name.strip(),
        health=above[1],
        watts=number(watts),
        celsius=number(measured[0]) if measured else None,
        address=address,
        percent=number(below[2].split()[0]) if len(below[2].split()) > 1 else None,
        memory_used=None if used is None else float(used) * MIB,
        memory_total=None if total is None else float(total) * MIB,
    )


def read_mapping(text: str) -> dict[tuple[int, int], Ids]:
    """`info -m`: card, chip, logic id and, of newer drivers, physical id. A controller's row has `-` and is none."""
    return {
        (int(npu), int(chip)): Ids(logic=int(logic), physical=int(physical) if physical else None)
        for npu, chip, logic, physical, _ in _MAPPING.findall(text)
    }


def _ids(rows: tuple[Row, ...], mapping: Mapping[tuple[int, int], Ids]) -> dict[tuple[int, int], Ids]:
    """Without the mapping, the order of the table: logic ids are given in it."""
    known = {
        (row.npu, row.chip): mapping.get((row.npu, row.chip), Ids(logic=place, physical=None))
        for place, row in enumerate(rows)
    }
    return {
        key: Ids(logic=ids.logic, physical=_physical_id(rows, key) if ids.physical is None else ids.physical)
        for key, ids in known.items()
    }


def _physical_id(rows: tuple[Row, ...], key: tuple[int, int]) -> int | None:
    return next((row.physical_id for row in rows if (row.npu, row.chip) == key), None)


def _with_nodes(world: World, ids: Mapping[tuple[int, int], Ids]) -> dict[tuple[int, int], Ids]:
    """Older drivers print no physical id. Logic ids count the visible chips in the order of their physical ids, so
    where there are as many files /dev/davinciN as chips, they pair up in order; otherwise they stay unknown.
    """
    if all(one.physical is not None for one in ids.values()):
        return dict(ids)
    found = (ordinal(path.name.removeprefix("davinci")) for path in (world.root / "dev").glob("davinci[0-9]*"))
    nodes = sorted(node for node in found if node is not None)
    in_order = sorted(ids, key=lambda key: ids[key].logic)
    if len(nodes) != len(in_order):
        return dict(ids)
    return {key: Ids(logic=ids[key].logic, physical=node) for key, node in zip(in_order, nodes, strict=True)}


def _accelerator(
    world: World,
    row: Row,
    *,
    ids: Ids,
    figures: Figures,
    links: Mapping[int, tuple[Link, ...]],
) -> Accelerator:
    name = row.name if row.name.startswith("Ascend") else f"Ascend {row.name}"
    total, used = figures.memory(row.memory_total, row.memory_used, card=ids.logic)
    return Accelerator(
        family="cann",
        vendor="ascend",
        name=name,
        index=ids.logic,
        bus_id=row.address,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(row.percent, card=ids.logic),
        temperature_celsius=figures.celsius(row.celsius, card=ids.logic),
        power_watts=figures.watts(row.watts, card=ids.logic),
        driver_version=_driver(world),
        runtime_version=cann_version(world),
        architecture=name.replace(" ", ""),
        health=_health(row.health),
        numa_node=numa_node(world.pci, row.address),
        links=links.get(ids.logic, ()),
        selectors=selectors(world, name=name, logic_id=ids.logic, physical_id=ids.physical),
    )


def _health(word: str) -> Health:
    state = HEALTH.get(word, HealthState.UNKNOWN)
    return Health(state=state, reasons=() if state is HealthState.OK else (f"npu-smi says {word or 'nothing'}.",))


def _driver(world: World) -> str | None:
    found = re.search(r"^Version=(\S+)", world.text(VERSION) or "", re.MULTILINE)
    return found.group(1) if found else None
