"""`nodes`: the machines that the control plane knows, and taking one out of use."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

if TYPE_CHECKING:
    from installer.admin_client import AdminClient, JsonObject

app = typer.Typer(
    help="List nodes, drain one, and take a drain back.\n\nExample: `appliance nodes list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

COLOURS = {"ready": "green", "draining": "yellow", "unreachable": "red"}

NodeName = Annotated[str, typer.Argument(help="Its id, node-..., or its hostname; `appliance nodes list` shows both.")]


@app.command("list")
@speaks_plainly
def list_nodes(as_json: Json = False) -> None:
    """List nodes with their state and cards.

    Example: `appliance nodes list --json`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        nodes = api.every("/nodes", limit=100)
    if as_json:
        print_json({"nodes": nodes})
        return
    out.print(table("", ["Id", "Hostname", "Address", "State", "Wanted", "Cards"], [row(node) for node in nodes]))


@app.command()
@speaks_plainly
def drain(name: NodeName, as_json: Json = False) -> None:
    """Place nothing new on a node, and move its replicas: each runs on until another answers in its place.

    Where no other node can run one it stays, and `appliance serve places` says why.

    Example: `appliance nodes drain rack-3`
    """
    say(change(name, "drain"), as_json=as_json)


@app.command()
@speaks_plainly
def undrain(name: NodeName, as_json: Json = False) -> None:
    """Take a drain back.

    Example: `appliance nodes undrain rack-3`
    """
    say(change(name, "undrain"), as_json=as_json)


def change(name: str, verb: str) -> "JsonObject":
    """The node after it."""
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        return api.post(f"/nodes/{find(api, name)}/{verb}", {})


def find(api: "AdminClient", name: str) -> str:
    return chosen(api.every("/nodes", limit=100), name)


def chosen(nodes: "list[JsonObject]", name: str) -> str:
    """The id of the node of that id or hostname; raises SetupError where there is none, or more than one."""
    from appliance.base.errors import SetupError

    found: list[str] = [node["id"] for node in nodes if name in (node["id"], node["hostname"])]
    if len(found) == 1:
        return found[0]
    if found:
        raise SetupError(f"{len(found)} nodes are called {name}: {', '.join(found)}.", hint="Say which by its id.")
    raise SetupError(f"There is no node {name!r}.", hint="`appliance nodes list` shows all of them.")


def say(node: "JsonObject", *, as_json: bool) -> None:
    if as_json:
        print_json(node)
        return
    print_exactly(f"{node['hostname']} ({node['id']}) is {node['state']}; wanted: {node['desired_state']}.")


def row(node: "JsonObject") -> list[object]:
    return [
        node["id"],
        escape(node["hostname"]),
        escape(node["address"]),
        f"[{COLOURS.get(node['state'], 'dim')}]{node['state']}[/]",
        node["desired_state"],
        escape(cards(node)),
    ]


def cards(node: "JsonObject") -> str:
    """`8 × MXC550, 1 gone`; the processor itself is not counted."""
    there = [card for card in node["accelerators"] if card["family"] != "cpu"]
    present = [card["name"] for card in there if card["present"]]
    parts = [f"{present.count(name)} × {name}" for name in dict.fromkeys(present)]
    gone = len(there) - len(present)
    return ", ".join([*parts, *([f"{gone} gone"] if gone else [])])
