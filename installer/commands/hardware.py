"""`hardware`: what the nodes have."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from installer.commands.options import Json
from installer.terminal import out, print_json, settings, table

if TYPE_CHECKING:
    from appliance.base.paths import Home


def hardware(as_json: Json = False) -> None:
    """Show nodes, processors, memory and accelerators; this machine alone while the stack is down.

    Example: `appliance hardware --json`
    """
    nodes = known_nodes(settings().paths)
    if as_json:
        print_json({"nodes": nodes})
        return
    for node in nodes:
        rows = [[name.replace("_", " "), readable(name, value)] for name, value in flat(node["facts"])]
        out.print(table(f"{node['hostname']} ({node['state']})", ["Fact", "Value"], rows))
        out.print(table("\nAccelerators", ["#", "Vendor", "Family", "Name", "Memory", "Driver"], cards(node)))


def known_nodes(home: "Home") -> list[dict[str, Any]]:
    """The registry's nodes; where the API does not answer, what this machine says of itself."""
    from appliance.base.errors import SetupError
    from appliance.hardware.discovery import discover
    from installer.admin_client import AdminClient

    try:
        with AdminClient(home) as api:
            return api.every("/nodes")
    except SetupError:
        found = discover().model_dump(mode="json")
        cards = found.pop("accelerators")
        return [{"hostname": found.pop("hostname"), "state": "stack is down", "facts": found, "accelerators": cards}]


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
    return [
        [
            *(card[key] for key in ("index", "vendor", "family", "name")),
            readable("memory_bytes", card["memory_bytes"]),
            card["driver_version"],
        ]
        for card in node["accelerators"]
    ]


def readable(name: str, value: object) -> str:
    """Bytes in GiB; a list in one line; the rest as it is."""
    if name.endswith("_bytes") and isinstance(value, int):
        return f"{value / 1024**3:.1f} GiB"
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in cast("list[object]", value))
    return "" if value is None else str(value)
