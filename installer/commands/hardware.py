"""`hardware`: what the nodes have."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.markup import escape

from installer.commands.options import Json
from installer.terminal import out, print_json, settings, table

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

    from appliance.base.paths import Home
    from appliance.hardware.inventory import Inventory
    from appliance.hardware.watcher import Watcher

WATCH_SECONDS = 2.0
SLASH = Path("/")
COLUMNS = ("#", "Vendor", "Family", "Name", "Health", "Memory", "Used", "Busy", "Temp.", "Power", "Driver")

Watch = Annotated[bool, typer.Option("--watch", help="Show it again every two seconds until Ctrl-C.")]
Topology = Annotated[bool, typer.Option("--topology", help="Draw this machine's cards, links and NUMA nodes.")]
Root = Annotated[Path | None, typer.Option("--root", hidden=True, help="Another machine's files, to replay.")]


def hardware(as_json: Json = False, watch: Watch = False, topology: Topology = False, root: Root = None) -> None:
    """Show nodes, processors, memory and accelerators; this machine alone while the stack is down.

    Example: `appliance hardware --json`
    """
    from appliance.hardware.watcher import Watcher

    place = root.resolve() if root else SLASH
    with Watcher(place) as watcher:
        if as_json:
            print_json({"nodes": nodes_to_show(watcher, root=place, only_here=topology)})
            return
        show = drawer(watcher, root=place, topology=topology)
        if watch:
            follow(show)
        out.print(show())


def drawer(watcher: "Watcher", *, root: Path, topology: bool) -> "Callable[[], RenderableType]":
    if topology:
        return lambda: pictured(stock(watcher, root))
    return lambda: rendered(nodes_to_show(watcher, root=root, only_here=False))


def follow(show: "Callable[[], RenderableType]") -> None:
    from rich.live import Live

    with Live(show(), console=out, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        while True:
            time.sleep(WATCH_SECONDS)
            live.update(show(), refresh=True)


def nodes_to_show(watcher: "Watcher", *, root: Path, only_here: bool) -> list[dict[str, Any]]:
    """The registry's nodes; where the API does not answer, or only this machine is meant, what it says of itself."""
    from appliance.hardware.inventory import to_json

    if root == SLASH and not only_here:
        nodes = known_nodes(settings().paths)
        if nodes is not None:
            return nodes
    state = "stack is down" if root == SLASH and not only_here else "seen now"
    found = json.loads(to_json(stock(watcher, root)))
    hostname, cards = found.pop("hostname"), found.pop("accelerators")
    return [{"hostname": hostname, "state": state, "facts": found, "accelerators": cards}]


def known_nodes(home: "Home") -> list[dict[str, Any]] | None:
    """None where the API does not answer."""
    from appliance.base.errors import SetupError
    from installer.admin_client import AdminClient

    try:
        with AdminClient(home) as api:
            return api.every("/nodes")
    except SetupError:
        return None


def stock(watcher: "Watcher", root: Path) -> "Inventory":
    from appliance.hardware.discovery import take_stock

    return take_stock(watcher, root=root)


def pictured(inventory: "Inventory") -> "Group":
    from rich.console import Group

    from installer.commands.hardware_topology import draw

    return Group(draw(inventory), *trouble([asdict(problem) for problem in inventory.problems]))


def rendered(nodes: list[dict[str, Any]]) -> "Group":
    from rich.console import Group

    parts: list[RenderableType] = []
    for node in nodes:
        facts = dict(node["facts"])
        problems, groups = facts.pop("problems", []), facts.pop("card_groups", {})
        rows = [[name.replace("_", " "), readable(name, value)] for name, value in flat(facts)]
        parts.append(table(f"{node['hostname']} ({node['state']})", ["Fact", "Value"], rows))
        parts.append(table("\nAccelerators", COLUMNS, cards(node)))
        parts.extend(card_groups(groups))
        parts.extend(trouble(problems))
    return Group(*parts)


def card_groups(groups: dict[str, dict[str, list[list[int]]]]) -> "list[RenderableType]":
    """Which cards may work together, by family; JSON made the sizes words."""
    from rich.text import Text

    from installer.commands.hardware_topology import allowed_groups

    return [
        Text(f"{family}: {line}")
        for family, by_size in groups.items()
        for line in allowed_groups({int(size): sets for size, sets in by_size.items()})
    ]


def trouble(problems: list[dict[str, str]]) -> "list[RenderableType]":
    """What discovery could not do, each with its hint; nothing where all went well."""
    rows = [[escape(problem[name]) for name in ("vendor", "message", "hint")] for problem in problems]
    return [table("\nProblems", ["Vendor", "Problem", "What to do"], rows)] if rows else []


def flat(facts: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Nested facts as one list; processor flags are left to `--json`, there are a hundred of them."""
    for name, value in sorted(facts.items()):
        if isinstance(value, dict):
            yield from ((f"{name} {inner}", found) for inner, found in flat(cast("dict[str, Any]", value)))
        elif not name.endswith("flags") and not is_list_of_objects(value):
            yield name, value


def is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in cast("list[object]", value))


def cards(node: dict[str, Any]) -> list[list[object]]:
    """A figure that nobody told is an empty cell. What vendors call things must not be taken for markup."""
    return [
        [
            *(escape(str(card[key])) for key in ("index", "vendor", "family", "name")),
            health(card),
            readable("memory_bytes", card["memory_bytes"]),
            readable("memory_used_bytes", card.get("memory_used_bytes")),
            amount(card.get("utilization"), scale=100, unit=" %"),
            amount(card.get("temperature_celsius"), unit=" °C"),
            power(card),
            card["driver_version"],
        ]
        for card in node["accelerators"]
    ]


def health(card: dict[str, Any]) -> str:
    """A state with its reasons, as discovery and the control plane both have it; `gone` where the last heartbeat did
    not name the card. A control plane of the first version knows only whether it is healthy.
    """
    if not card.get("present", True):
        return "[red]gone[/]"
    state: dict[str, Any] = card.get("health") or {
        "state": "ok" if card.get("healthy", True) else "failed",
        "reasons": [card["problem"]] if card.get("problem") else [],
    }
    colour = {"ok": "green", "warning": "yellow", "failed": "red"}.get(state["state"], "dim")
    return " ".join([f"[{colour}]{state['state']}[/]", *map(escape, state["reasons"])])


def power(card: dict[str, Any]) -> str:
    """`96 / 450 W`; the limit alone says nothing."""
    now, limit = card.get("power_watts"), card.get("power_limit_watts")
    if now is None:
        return ""
    return f"{now:.0f} W" if limit is None else f"{now:.0f} / {limit:.0f} W"


def amount(value: float | None, *, unit: str, scale: float = 1) -> str:
    return "" if value is None else f"{value * scale:.0f}{unit}"


def readable(name: str, value: object) -> str:
    """Bytes in GiB; a list in one line; the rest as it is."""
    if name.endswith("_bytes") and isinstance(value, int):
        return f"{value / 1024**3:.1f} GiB"
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in cast("list[object]", value))
    return "" if value is None else str(value)
