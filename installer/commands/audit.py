"""`audit`: who changed what, whether the log is whole, and the log as a file."""

import sys
from typing import Annotated

import typer
from rich.markup import escape

from installer.commands.keys import date
from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

app = typer.Typer(
    help="List, verify and export the audit log.\n\nExample: `appliance audit list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

BROKEN = 1


@app.command("list")
@speaks_plainly
def list_entries(
    action: Annotated[str | None, typer.Option("--action", help="Only this action, as key.create.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Only entries about this id or name.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List the newest entries: when, who, from where, what.

    Example: `appliance audit list --action key.create`
    """
    from installer.admin_client import AdminClient

    given = {"action": action, "target": target}
    query: dict[str, str | int] = {name: value for name, value in given.items() if value is not None}
    with AdminClient(settings().paths) as api:
        entries = api.get("/audit", limit=limit, **query)["data"]
    if as_json:
        print_json({"entries": entries})
        return
    rows = [
        [
            entry["sequence"],
            date(entry["created_at"]),
            escape(entry["actor_name"]),
            entry["address"],
            entry["action"],
            escape(entry["target"]),
        ]
        for entry in entries
    ]
    out.print(table("", ["No.", "When", "Who", "From", "Action", "Target"], rows))


@app.command()
@speaks_plainly
def verify(as_json: Json = False) -> None:
    """Check the chain of hashes; an entry that was changed or removed is named, and the exit code is 1.

    Example: `appliance audit verify`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths, timeout_seconds=600) as api:
        verdict = api.get("/audit/verify")
    if as_json:
        print_json(verdict)
    elif verdict["holds"]:
        print_exactly(f"{verdict['entries']} entries, whole. Head: {verdict['head_sequence']} {verdict['head_hash']}")
    else:
        for fault in verdict["faults"]:
            print_exactly(f"Entry {fault['sequence']}: {fault['problem']}.")
    if not verdict["holds"]:
        raise typer.Exit(BROKEN)


@app.command()
@speaks_plainly
def export(
    after: Annotated[int, typer.Option("--after", min=0, help="Only entries after this number.")] = 0,
) -> None:
    """Print the log as JSON lines, oldest first.

    Example: `appliance audit export --after 1200 > audit.jsonl`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths, timeout_seconds=600) as api:
        for line in api.lines("/audit/export", after_sequence=after):
            sys.stdout.write(f"{line}\n")
