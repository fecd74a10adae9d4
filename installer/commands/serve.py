"""`serve`: which models should run, and how many replicas of each. The reconciler makes it so."""

from typing import Annotated

import typer

from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

app = typer.Typer(
    help="Decide which models run, and how many replicas of each.\n\nExample: `appliance serve list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Name = Annotated[str, typer.Argument(help="The public name that clients send as `model`.")]
MANAGED_BY = "cli"


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
    pack: Annotated[str | None, typer.Option("--pack", help="Engine pack; the model's own when left out.")] = None,
) -> None:
    """Serve a model under a public name; it is imported first where needed.

    Example: `appliance serve deploy guide-2 --model sails-guide`
    """
    from installer.admin_client import AdminClient

    wanted = {"name": name, "model": model, "version_id": version, "max_model_len": max_model_len, "engine_pack": pack}
    body = {key: value for key, value in wanted.items() if value is not None}
    with AdminClient(settings().paths) as api:
        served = api.post("/served-models", {**body, "desired_replicas": replicas, "managed_by": MANAGED_BY})
    print_exactly(
        f"{served['name']} will be served with {replicas} replicas; `appliance serve list` shows when it is ready."
    )


@app.command()
@speaks_plainly
def scale(name: Name, replicas: Annotated[int, typer.Argument(min=0, help="How many replicas; 0 stops it.")]) -> None:
    """Change how many replicas of a served model run.

    Example: `appliance serve scale sails-guide 2`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        served = api.patch(f"/served-models/{name}", {"desired_replicas": replicas})
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
