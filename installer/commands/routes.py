"""`routes`: public names that lead to served models, their adapters and endpoints elsewhere."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

if TYPE_CHECKING:
    from installer.admin_client import JsonObject

app = typer.Typer(
    help="Decide where a public name leads: shares, fallbacks, copies.\n\nExample: `appliance routes list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Name = Annotated[str, typer.Argument(help="The public name that clients send as `model`.")]


@app.command("list")
@speaks_plainly
def list_routes(as_json: Json = False) -> None:
    """List routes with their targets.

    Example: `appliance routes list`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        routes = api.every("/routes")
    if as_json:
        print_json({"routes": routes})
        return
    rows = [[escape(row["name"]), escape(tiers_of(row)), row["sticky"], row["balance"]] for row in routes]
    out.print(table("", ["Name", "Leads to", "Sticky", "Replicas by"], rows))


@app.command()
@speaks_plainly
def show(name: Name) -> None:
    """Show one route whole, as JSON.

    Example: `appliance routes show our-chat`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        print_json(api.get(f"/routes/{name}"))


@app.command("set")
@speaks_plainly
def set_route(
    name: Name,
    tier: Annotated[
        list[str],
        typer.Option(
            "--tier",
            help="Targets that share the traffic: `model=90,model+adapter=10` or `@endpoint/model`; "
            "a second one is tried where the first fails.",
        ),
    ],
    sticky: Annotated[str, typer.Option("--sticky", help="none, key or session.")] = "none",
    balance: Annotated[str, typer.Option("--balance", help="least_load, prefix or round_robin.")] = "least_load",
    shadow: Annotated[
        str | None, typer.Option("--shadow", help="A target that gets copies, as `model=5` per cent.")
    ] = None,
    retries: Annotated[
        float, typer.Option("--retries", min=0, max=100, help="Per cent that may be tried again.")
    ] = 20.0,
) -> None:
    """Make a route, or replace the one of this name.

    Example: `appliance routes set our-chat --tier "big=90,bigger=10" --tier "@backup/some-model"`
    """
    from installer.admin_client import AdminClient

    body: dict[str, object] = {
        "tiers": [[target_of(text) for text in one.split(",")] for one in tier],
        "sticky": sticky,
        "balance": balance,
        "retry_percent": retries,
    }
    if shadow is not None:
        copied = target_of(shadow)
        body["shadow"] = {"percent": copied.pop("weight"), "target": copied}
    with AdminClient(settings().paths) as api:
        is_there = any(route["name"] == name for route in api.every("/routes"))
        route = api.put(f"/routes/{name}", body) if is_there else api.post("/routes", {**body, "name": name})
    print_exactly(f"{route['name']} leads to {tiers_of(route)}.")


@app.command()
@speaks_plainly
def weight(
    name: Name, weights: Annotated[list[str], typer.Argument(help="`target=weight`, as `routes show` writes targets.")]
) -> None:
    """Change shares while it runs; streams that have begun end where they are.

    Example: `appliance routes weight our-chat big=50 bigger=50`
    """
    from installer.admin_client import AdminClient

    body: JsonObject = {"weights": dict(split_weight(text) for text in weights)}
    with AdminClient(settings().paths) as api:
        route = api.patch(f"/routes/{name}", body)
    print_exactly(f"{route['name']} leads to {tiers_of(route)}.")


@app.command()
@speaks_plainly
def remove(name: Name) -> None:
    """Take a route's name away.

    Example: `appliance routes remove our-chat`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        route = api.delete(f"/routes/{name}")
    print_exactly(f"{route['name']} is removed.")


def target_of(text: str) -> "dict[str, object]":
    """`model`, `model+adapter` or `@endpoint/model`, each with `=weight` or without."""
    name, share = split_weight(text.strip())
    if name.startswith("@"):
        endpoint, _, model = name[1:].partition("/")
        return {"endpoint": endpoint, "model": model, "weight": share}
    served, _, adapter = name.partition("+")
    return {"served_model": served, "weight": share, **({"adapter": adapter} if adapter else {})}


def split_weight(text: str) -> tuple[str, int]:
    """Raises SetupError where the weight is no whole number."""
    from appliance.base.errors import SetupError

    name, equals, share = text.rpartition("=")
    if not equals:
        return text, 1
    if not share.isdigit():
        raise SetupError(f"{text!r} has no whole number after the =.", hint="As in `big=90`.")
    return name, int(share)


def tiers_of(route: "JsonObject") -> str:
    """`big 90, bigger 10; then @backup/some-model`."""
    tiers = [", ".join(f"{one['target']} {one['weight']}" for one in tier) for tier in route["tiers"]]
    return "; then ".join(tiers)
