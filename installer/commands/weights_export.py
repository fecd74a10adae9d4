"""`weights export`: carry a version to another box; what that one has, and what an artifact holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from appliance.base.errors import BadRequest
from installer.commands.options import Json
from installer.commands.registry_options import CaFile, PlainHttp, Registry, User, registry_place
from installer.job_watch import gib
from installer.terminal import out, print_exactly, print_json, settings, table

if TYPE_CHECKING:
    from installer.admin_client import AdminClient, JsonObject


def export_model(
    version: Annotated[
        str, typer.Argument(help="A version's id, ver-..., its digest or the digest's beginning, or a model's name.")
    ],
    target: Annotated[
        Path | None, typer.Argument(help="Folder on the box; its parent must be there. Or say --registry.")
    ] = None,
    registry: Registry = None,
    plain_http: PlainHttp = False,
    ca_file: CaFile = None,
    user: User = "",
    tag: Annotated[str | None, typer.Option("--tag", help="Its name in a folder that may hold several models.")] = None,
    volume_size: Annotated[
        str | None, typer.Option("--volume-size", help="Write volumes for disks of this size, such as 32GB.")
    ] = None,
    volume: Annotated[
        int | None, typer.Option("--volume", help="Write only this one of the volumes, with one disk in the slot.")
    ] = None,
    lacking: Annotated[
        Path | None, typer.Option("--lacking", help="Carry only what this `weights inventory` of the other box lacks.")
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy where hard links could do.")] = False,
    caption: Annotated[str, typer.Option("--caption", help="What the artifact calls itself; the model's name.")] = "",
    licence: Annotated[
        list[str] | None, typer.Option("--licence", help="SPDX expression that the artifact states; repeatable.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show how far it is until it ends.")] = True,
    as_json: Json = False,
) -> None:
    """Write a version as a signed ModelPack artifact. An export that broke off goes on when it is started again.

    Example: `appliance weights export my-model /media/usb/my-model`
    """
    from installer.admin_client import AdminClient
    from installer.job_watch import failure, watch

    body: JsonObject = {
        "target": str(target.absolute()) if target is not None else None,
        "registry": registry_place(registry, plain_http=plain_http, ca_file=ca_file, user=user),
        "tag": tag,
        "volume_bytes": bytes_of(volume_size) if volume_size is not None else None,
        "volume": volume,
        "inventory": str(lacking.absolute()) if lacking is not None else None,
        "copy": copy,
        "caption": {"name": caption, "licenses": licence or []},
    }
    with AdminClient(settings().paths) as api:
        found = find_version(api, version)
        job = api.post("/exports", {"version_id": found["id"], **body})["job"]
        if wait:
            job = watch(api, str(job["id"]), quiet=as_json)
    if as_json:
        print_json({"version": found, "job": job})
    if job["state"] in ("failed", "cancelled"):
        raise failure(job)
    if not as_json:
        print_exactly(summary(job["result"]) if job["result"] else f"{job['id']}: {job['state']}")


def find_version(api: "AdminClient", text: str) -> "JsonObject":
    """By id, by digest, or the newest that is ready of a model's name. Raises BadRequest where that is not one."""
    if text.startswith("ver-"):
        return api.get(f"/versions/{text}")
    newest = [row for row in api.every("/versions", model=text, limit=100) if row["state"] == "ready"]
    if newest:
        return newest[0]
    rows = [row for row in api.every("/versions", limit=100) if str(row["digest"] or "").startswith(text)]
    if len({row["digest"] for row in rows}) != 1:
        raise BadRequest(
            f"{text!r} names {len({row['digest'] for row in rows})} versions.",
            hint="`appliance weights list` shows digests, `appliance models` names.",
            param="version",
        )
    return next((row for row in rows if row["state"] == "ready"), rows[0])


def bytes_of(size: str) -> int:
    from appliance.weights.modelpack.arguments import read_size

    return read_size(size)


def summary(result: "JsonObject") -> str:
    lines = [f"{result['path']}: {gib(int(result['bytes']))}, artifact {result['manifest_digest']}"]
    lines += [
        f"{volume['path']}: {gib(int(volume['bytes']))}, digest {volume['digest']}" for volume in result["written"]
    ]
    if result["left_out"]:
        lines.append(f"{result['left_out']} files are left to the other box, which has them.")
    lines.append(f"Signed by the key {result['signed_by']}; `appliance weights signing-keys show` prints it.")
    return "\n".join(lines)


def inspect_artifact(
    places: Annotated[
        list[Path] | None, typer.Argument(help="A folder, a tar of one, or volumes. Or say --registry.")
    ] = None,
    registry: Registry = None,
    plain_http: PlainHttp = False,
    ca_file: CaFile = None,
    user: User = "",
    tag: Annotated[str | None, typer.Option("--tag", help="Which model of a folder that holds several.")] = None,
    as_json: Json = False,
) -> None:
    """Say what an artifact holds, who signed it, and what of it this box lacks. Reads no weights.

    Example: `appliance weights inspect /media/usb/my-model`
    """
    from installer.admin_client import AdminClient

    body: JsonObject = {
        "places": [str(place.absolute()) for place in places or []],
        "registry": registry_place(registry, plain_http=plain_http, ca_file=ca_file, user=user),
        "tag": tag,
    }
    with AdminClient(settings().paths) as api:
        found = api.post("/modelpacks/inspect", body)
    if as_json:
        print_json(found)
        return
    rows = [[escape(file["path"]), gib(int(file["bytes"])), file["digest"][:12]] for file in found["files"]]
    out.print(table("", ["File", "Size", "Digest"], rows))
    for line in remarks(found):
        print_exactly(line)


def remarks(found: "JsonObject") -> list[str]:
    missing = "it is here already" if found["is_here"] else f"{gib(int(found['missing_bytes']))} of it are missing here"
    lines = [f"Version {found['version']}, {gib(int(found['total_bytes']))}; {missing}."]
    if found["signed_by"] is None:
        lines.append("It is not signed.")
    else:
        lines.append(f"Signed by {found['signed_by']}, which is {'' if found['is_trusted'] else 'not '}trusted here.")
    if found["volumes"]:
        present, of = ", ".join(map(str, found["volumes"]["present"])), found["volumes"]["of"]
        lines.append(f"At hand: volume {present} of {of}.")
    if found["not_carried"]:
        lines.append(f"{len(found['not_carried'])} files were left out of the export, and this box lacks them.")
    return lines


def write_inventory(
    target: Annotated[Path, typer.Argument(help="Where the inventory goes.")],
) -> None:
    """Write what this box has, so that `weights export --lacking` elsewhere carries only the rest.

    Needs no running appliance. Example: `appliance weights inventory /media/usb/this-box.inventory`
    """
    from appliance.weights.modelpack.operations import take_inventory

    count = take_inventory(settings().paths.root, target=target.absolute())
    print_exactly(f"{target}: {count} files of whole versions.")
