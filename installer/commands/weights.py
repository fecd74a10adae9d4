"""`weights`: bring a model to the box, watch it come in, and keep the store in order."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.markup import escape

from appliance.base.errors import BadRequest, SetupError
from installer.commands.options import Json
from installer.terminal import err, out, print_exactly, print_json, print_warnings, settings, speaks_plainly, table

if TYPE_CHECKING:
    from appliance.weights.progress import Progress
    from appliance.weights.store import Damage, WeightStore
    from installer.admin_client import AdminClient, JsonObject

app = typer.Typer(
    help="Import models, check and mend them, and see what they take.\n\nExample: `appliance weights list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

GIB = 1024**3
POLL_SECONDS = 1.0
ENDED = ("succeeded", "failed", "cancelled")

Version = Annotated[str, typer.Argument(help="A version's id, ver-..., its digest, or the digest's beginning.")]


@app.command("import")
@speaks_plainly
def import_model(
    name: Annotated[str, typer.Argument(help="What the model is to be called; a catalogue name where it has one.")],
    source: Annotated[
        Path | None, typer.Argument(help="A folder, or a .tar, .tar.gz or .tar.zst; the box's own when left out.")
    ] = None,
    hub: Annotated[str | None, typer.Option("--hub", help="Fetch from `huggingface` or `modelscope`.")] = None,
    repository: Annotated[str | None, typer.Option("--repository", help="Owner and name on the hub.")] = None,
    revision: Annotated[str | None, typer.Option("--revision", help="Branch, tag or commit.")] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint", help="A mirror of the hub, https://...")] = None,
    task: Annotated[str | None, typer.Option("--task", help="`chat` or `embedding`.")] = None,
    variant: Annotated[str | None, typer.Option("--variant", help="Of a catalogue entry.")] = None,
    leave_code_out: Annotated[
        bool, typer.Option("--leave-code-out", help="Take the model without the program code that comes with it.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show how far it is until it ends.")] = True,
    as_json: Json = False,
) -> None:
    """Import a model. An import that broke off goes on where it was when it is started again.

    Example: `appliance weights import my-model /media/usb/my-model.tar`
    """
    from installer.admin_client import AdminClient

    body: JsonObject = {"name": name, "task": task, "variant": variant, "leave_code_out": leave_code_out}
    if source is not None:
        body["source_path"] = str(source.absolute())
    if hub is not None or repository is not None:
        body["hub"] = place(hub, repository=repository, revision=revision, endpoint=endpoint)
    with AdminClient(settings().paths) as api:
        answer = api.post("/imports", body)
        print_warnings(answer["warnings"])
        job = watch(api, str(answer["job"]["id"]), quiet=as_json) if wait else answer["job"]
        version = api.get(f"/versions/{answer['version']['id']}")
    if as_json:
        print_json({"version": version, "job": job, "warnings": answer["warnings"]})
    if job["state"] in ("failed", "cancelled"):
        raise failure(job)
    if not as_json:
        print_exactly(f"{version['id']} of {name}: {version['state']}")


def place(hub: str | None, *, repository: str | None, revision: str | None, endpoint: str | None) -> "JsonObject":
    if repository is None:
        raise BadRequest("A hub needs a repository.", hint="Add `--repository owner/name`.")
    return {"hub": hub or "huggingface", "repository": repository, "revision": revision, "endpoint": endpoint}


def failure(job: "JsonObject") -> SetupError:
    error = cast("JsonObject", job.get("error") or {})
    return SetupError(
        str(error.get("message") or f"The import was {job['state']}."), hint=cast("str | None", error.get("hint"))
    )


def watch(api: "AdminClient", job_id: str, *, quiet: bool) -> "JsonObject":
    """Until the job ends; Ctrl-C leaves it running, as it belongs to the appliance."""
    from rich.status import Status

    with Status("waiting for a worker", console=err) as shown:
        while (job := api.get(f"/jobs/{job_id}"))["state"] not in ENDED:
            if not quiet:
                shown.update(escape(progress_line(cast("JsonObject", job.get("progress") or {}))))
            time.sleep(POLL_SECONDS)
    return job


def progress_line(progress: "JsonObject") -> str:
    if not progress:
        return "waiting for a worker"
    done, total = int(progress.get("done_bytes") or 0), int(progress.get("total_bytes") or 0)
    parts = [f"{gib(done)} of {gib(total)}" if total else gib(done)]
    if speed := float(progress.get("bytes_per_second") or 0):
        parts.append(f"{speed / 1e6:.0f} MB/s")
    if (left := progress.get("seconds_left")) is not None:
        parts.append(f"{duration(float(left))} left")
    return ", ".join([*parts, str(progress.get("note") or progress.get("file") or "")])


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes}:{rest:02} min"


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


def gib(n_bytes: int) -> str:
    return f"{n_bytes / GIB:.2f} GiB"
