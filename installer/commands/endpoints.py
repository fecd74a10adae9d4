"""`endpoints`: OpenAI-compatible and Anthropic servers elsewhere that routes may lead to."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

app = typer.Typer(
    help="List, add and remove endpoints elsewhere.\n\nExample: `appliance endpoints list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Name = Annotated[str, typer.Argument(help="What it is called here; routes lead to `@name/model`.")]


@app.command("list")
@speaks_plainly
def list_endpoints(as_json: Json = False) -> None:
    """List endpoints, without their keys.

    Example: `appliance endpoints list`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        endpoints = api.every("/endpoints")
    if as_json:
        print_json({"endpoints": endpoints})
        return
    rows = [
        [
            escape(row["name"]),
            row["kind"],
            escape(row["base_url"]),
            "yes" if row["has_key"] else "no",
            row["max_concurrent"],
        ]
        for row in endpoints
    ]
    out.print(table("", ["Name", "Kind", "Address", "Key", "At once"], rows))


@app.command()
@speaks_plainly
def add(
    name: Name,
    base_url: Annotated[str, typer.Argument(help="Where its API begins, such as https://api.example.com/v1.")],
    kind: Annotated[str, typer.Option("--kind", help="`openai`; `anthropic` is not supported yet.")] = "openai",
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="File with the API key; - reads it from standard input.")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="It is in your own network, or without TLS.")
    ] = False,
    ca_file: Annotated[Path | None, typer.Option("--ca-file", help="PEM of your own authority.")] = None,
    at_once: Annotated[int, typer.Option("--at-once", min=1, help="Requests at once.")] = 64,
) -> None:
    """Add an endpoint. Its key is sealed and never shown again.

    Example: `appliance endpoints add backup https://api.example.com/v1 --key-file key.txt`
    """
    import sys

    from installer.admin_client import AdminClient

    body: dict[str, object] = {
        "name": name,
        "base_url": base_url,
        "kind": kind,
        "allow_private": allow_private,
        "max_concurrent": at_once,
    }
    if key_file is not None:
        body["api_key"] = (sys.stdin.read() if str(key_file) == "-" else key_file.read_text()).strip()
    if ca_file is not None:
        body["ca_certificates"] = ca_file.read_text()
    with AdminClient(settings().paths) as api:
        endpoint = api.post("/endpoints", body)
    print_exactly(f"{endpoint['name']} is known; a route may lead to @{endpoint['name']}/<model>.")


@app.command()
@speaks_plainly
def remove(name: Name) -> None:
    """Take an endpoint away; refused while a route leads there.

    Example: `appliance endpoints remove backup`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        endpoint = api.delete(f"/endpoints/{name}")
    print_exactly(f"{endpoint['name']} is removed.")
