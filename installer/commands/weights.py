"""`weights`: keep the store in order. Bringing models in and carrying them away stand in modules of their own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from appliance.base.errors import BadRequest
from installer.commands import signing_keys, weights_export, weights_import
from installer.commands.options import Json
from installer.job_watch import gib, progress_line
from installer.terminal import err, out, print_exactly, print_json, settings, speaks_plainly, table

if TYPE_CHECKING:
    from appliance.weights.progress import Progress
    from appliance.weights.store import Damage, WeightStore

app = typer.Typer(
    help="Import and export models, check and mend them, and see what they take.\n\nExample: `appliance weights list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

app.command("import")(speaks_plainly(weights_import.import_model))
app.command("export")(speaks_plainly(weights_export.export_model))
app.command("inspect")(speaks_plainly(weights_export.inspect_artifact))
app.command("inventory")(speaks_plainly(weights_export.write_inventory))
app.command("registry-login")(speaks_plainly(weights_import.log_in_at_registry))
app.add_typer(signing_keys.app, name="signing-keys")

Version = Annotated[str, typer.Argument(help="A version's id, ver-..., its digest, or the digest's beginning.")]


@app.command("list")
@speaks_plainly
def list_versions(as_json: Json = False) -> None:
    """List what the store holds and what each version takes. Needs no running appliance.

    Blobs that versions share are counted once in the sum, and told apart per version.

    Example: `appliance weights list --json`
    """
    from dataclasses import asdict

    from appliance.weights.upkeep import store_use

    use = store_use(the_store())
    if as_json:
        print_json(asdict(use))
        return
    rows = [[v.digest[:12], gib(v.total_bytes), gib(v.own_bytes), gib(v.shared_bytes)] for v in use.versions]
    out.print(table("", ["Version", "Size", "Its own", "Shared"], rows))
    print_exactly(
        f"Stored {gib(use.stored_bytes)}, of that {gib(use.orphan_bytes)} of no version; "
        f"half-way imports {gib(use.arriving_bytes)}; free {gib(use.free_bytes)}."
    )


@app.command()
@speaks_plainly
def verify(version: Version, as_json: Json = False) -> None:
    """Read every byte of a version again and name the files that are damaged. Exit code 1 where there are any.

    Example: `appliance weights verify 3f2a9c`
    """
    store = the_store()
    report(store.verify(find_digest(store, version), progress=show), as_json=as_json)


@app.command()
@speaks_plainly
def repair(
    version: Version,
    source: Annotated[Path, typer.Argument(help="A folder with the model's files, undamaged.")],
    as_json: Json = False,
) -> None:
    """Replace damaged files of a version, in every version that has them, from a folder that you bring.

    Example: `appliance weights repair 3f2a9c /media/usb/my-model`
    """
    store = the_store()
    report(store.repair(find_digest(store, version), source.absolute(), progress=show), as_json=as_json)


@app.command("gc")
@speaks_plainly
def collect_garbage(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    leftovers_only: Annotated[
        bool, typer.Option("--leftovers-only", help="Keep every version; needs no running appliance.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove versions that the appliance no longer names, and what imports left over.

    Never what is served or being imported. Example: `appliance weights gc --dry-run`
    """
    from dataclasses import asdict

    from appliance.weights.upkeep import collect

    collected = collect(the_store(), keep=None if leftovers_only else named_digests(), dry_run=dry_run)
    if as_json:
        print_json(asdict(collected))
        return
    verb = "Would remove" if dry_run else "Removed"
    print_exactly(
        f"{verb} {len(collected.versions)} versions, {len(collected.blobs)} files and "
        f"{len(collected.arrivals)} leftovers: {gib(collected.freed_bytes)}."
    )


def named_digests() -> set[str]:
    """Every version that the control plane has a row of, in whatever state, is kept."""
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        return {str(row["digest"]) for row in api.every("/versions", limit=100) if row["digest"]}


def the_store() -> "WeightStore":
    from appliance.weights.store import WeightStore

    return WeightStore(settings().paths.weights)


def find_digest(store: "WeightStore", version: str) -> str:
    if version.startswith("ver-"):
        from installer.admin_client import AdminClient

        with AdminClient(settings().paths) as api:
            return str(api.get(f"/versions/{version}")["digest"])
    found = [digest for digest in store.versions() if digest.startswith(version)]
    if len(found) != 1:
        raise BadRequest(f"{len(found)} versions begin with {version!r}.", hint="`appliance weights list` shows them.")
    return found[0]


def report(damage: "list[Damage]", *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        print_json({"damaged": [asdict(each) for each in damage]})
    elif damage:
        for each in damage:
            print_exactly(f"{each.path}: {each.reason}")
    else:
        print_exactly("Every file is what it was when it came in.")
    if damage:
        raise typer.Exit(1)


def show(progress: "Progress") -> None:
    """One line that is written over, and only on a terminal."""
    if err.is_terminal:
        from dataclasses import asdict

        line: dict[str, Any] = asdict(progress)
        err.print(escape(progress_line(line)), end="\r", soft_wrap=False, overflow="ellipsis", no_wrap=True)
