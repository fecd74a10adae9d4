"""`serve`: which models should run, and how many replicas of each. The reconciler makes it so."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, print_warnings, settings, speaks_plainly, table

if TYPE_CHECKING:
    from installer.admin_client import JsonObject

app = typer.Typer(
    help="Decide which models run, and how many replicas of each.\n\nExample: `appliance serve list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Name = Annotated[str, typer.Argument(help="The public name that clients send as `model`.")]
MANAGED_BY = "cli"
GIB = 1024**3


@app.command("list")
@speaks_plainly
def list_served(as_json: Json = False) -> None:
    """List served models with what was decided and what was last seen.

    Example: `appliance serve list`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        served = api.every("/served-models")
    if as_json:
        print_json({"served_models": served})
        return
    rows = [
        [
            *(row[key] for key in ("name", "task", "managed_by", "observed_state")),
            f"{row['observed_replicas']} of {row['desired_replicas']}",
            *(row[key] for key in ("max_model_len", "engine_pack", "observed_reason")),
        ]
        for row in served
    ]
    out.print(table("", ["Name", "Task", "Managed by", "State", "Replicas", "Context", "Pack", "Reason"], rows))


@app.command()
@speaks_plainly
def deploy(
    name: Name,
    model: Annotated[
        str | None, typer.Option("--model", help="Catalogue or import name; the public name when left out.")
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="One version of it: ver-...")] = None,
    replicas: Annotated[int, typer.Option("--replicas", min=0, help="How many replicas.")] = 1,
    max_model_len: Annotated[
        int | None, typer.Option("--max-model-len", min=16, help="Tokens of prompt and answer together.")
    ] = None,
    pack: Annotated[
        str | None, typer.Option("--pack", help="Engine pack; when left out the model's own, else one that can run it.")
    ] = None,
    policy: Annotated[
        str, typer.Option("--policy", help="`pack` fills nodes that are begun, `spread` keeps replicas apart.")
    ] = "pack",
    cores: Annotated[
        int | None, typer.Option("--cores", min=0, help="Cores of each engine on the processor; 0 shares them.")
    ] = None,
    node: Annotated[list[str] | None, typer.Option("--node", help="A node that may be used; again for more.")] = None,
    card: Annotated[list[str] | None, typer.Option("--card", help="A kind of card that may be used.")] = None,
) -> None:
    """Serve a model under a public name; it is imported first where needed.

    Example: `appliance serve deploy guide-2 --model sails-guide`
    """
    from installer.admin_client import AdminClient

    wanted = {"name": name, "model": model, "version_id": version, "max_model_len": max_model_len, "engine_pack": pack}
    body: dict[str, object] = {key: value for key, value in wanted.items() if value is not None}
    body["placement"] = {"policy": policy, "cores": cores, "nodes": node or [], "cards": card or []}
    with AdminClient(settings().paths) as api:
        served = api.post("/served-models", {**body, "desired_replicas": replicas, "managed_by": MANAGED_BY})
    print_warnings(served["warnings"])
    print_exactly(
        f"{served['name']} will be served with {replicas} replicas; `appliance serve list` shows when it is ready."
    )


@app.command()
@speaks_plainly
def places(as_json: Json = False) -> None:
    """Show where every replica has its place: node, cards, cores, and what it takes there.

    Example: `appliance serve places`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        served = api.every("/served-models")
        hostnames = {node["id"]: node["hostname"] for node in api.every("/nodes", limit=100)}
    if as_json:
        print_json({"placements": [{"model": row["name"], **one} for row in served for one in row["placements"]]})
        return
    rows = [place(row["name"], one, hostnames) for row in served for one in row["placements"]]
    out.print(table("", ["Model", "State", "Node", "Pack", "Cards", "Cores", "Memory", "Why"], rows))


def place(model: str, one: "JsonObject", hostnames: "JsonObject") -> list[object]:
    """`cores` of an engine that shares them are `shared`; memory is that of each card, or main memory."""
    on_processor = one["family"] == "cpu"
    cores = ", ".join(map(str, one["cores"])) or ("shared" if on_processor else "")
    return [
        escape(model),
        one["state"],
        escape(", ".join(str(hostnames.get(node, node)) for node in one["nodes"])),
        marked(one["engine_pack"]),
        ", ".join(map(str, one["cards"])),
        cores,
        f"{one['memory_bytes'] / GIB:.1f} GiB",
        escape(one["state_reason"] or ""),
    ]


def marked(pack: str) -> str:
    """A pack that nobody of us has run says so wherever it appears."""
    from appliance.engines.pack import load_pack, pack_names

    known = pack in pack_names() and load_pack(pack).evidence != "unverified"
    return pack if known else f"{pack} (unverified)"


@app.command()
@speaks_plainly
def scale(
    name: Name,
    replicas: Annotated[int | None, typer.Argument(min=0, help="How many replicas; 0 stops it.")] = None,
    least: Annotated[
        int | None, typer.Option("--min", min=0, help="Let the load decide, from here; 0 lets it sleep.")
    ] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="Let the load decide, up to here.")] = None,
    target: Annotated[int, typer.Option("--target", min=1, help="Requests at once that a replica is to have.")] = 16,
    idle: Annotated[int, typer.Option("--idle", min=1, help="Seconds without a request until it sleeps.")] = 600,
    fixed: Annotated[bool, typer.Option("--fixed", help="End the scaling by load.")] = False,
) -> None:
    """Change how many replicas of a served model run, or let the load decide between two bounds.

    Example: `appliance serve scale sails-guide --min 0 --max 4`
    """
    from appliance.base.errors import SetupError
    from installer.admin_client import AdminClient

    if most is None and least is not None:
        raise SetupError("`--min` needs `--max`.", hint="How many replicas may the load ask for at most?")
    if most is None and replicas is None and not fixed:
        raise SetupError("Say how many replicas, or `--min` and `--max`.")
    if most is not None and (replicas is not None or fixed):
        raise SetupError("With `--max` the load decides; leave the number and `--fixed` away.")
    body: JsonObject = {"fixed": fixed}
    if replicas is not None:
        body["desired_replicas"] = replicas
    if most is not None:
        bounds = {"min_replicas": 1 if least is None else least, "max_replicas": most}
        body["autoscaling"] = {**bounds, "target_per_replica": target, "idle_seconds": idle}
    with AdminClient(settings().paths) as api:
        served = api.patch(f"/served-models/{name}", body)
    if most is not None:
        print_exactly(f"{served['name']} scales by its load up to {most} replicas.")
        return
    print_exactly(f"{served['name']} goes to {served['desired_replicas']} replicas.")


@app.command()
@speaks_plainly
def stop(name: Name) -> None:
    """Drain a served model and take its public name away.

    Example: `appliance serve stop guide-2`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        served = api.delete(f"/served-models/{name}")
    print_exactly(f"{served['name']} is being drained and stopped.")
