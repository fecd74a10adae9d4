"""`weights import`: bring a model to the box and watch it come in; and the password of a registry."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.base.errors import BadRequest
from installer.commands.options import Json
from installer.commands.registry_options import CaFile, PlainHttp, Registry, User, registry_place
from installer.terminal import print_exactly, print_json, print_warnings, settings

if TYPE_CHECKING:
    from installer.admin_client import JsonObject


def import_model(
    name: Annotated[str, typer.Argument(help="What the model is to be called; a catalogue name where it has one.")],
    source: Annotated[
        Path | None, typer.Argument(help="A folder, or a .tar, .tar.gz or .tar.zst; the box's own when left out.")
    ] = None,
    hub: Annotated[str | None, typer.Option("--hub", help="Fetch from `huggingface` or `modelscope`.")] = None,
    repository: Annotated[str | None, typer.Option("--repository", help="Owner and name on the hub.")] = None,
    revision: Annotated[str | None, typer.Option("--revision", help="Branch, tag or commit.")] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint", help="A mirror of the hub, https://...")] = None,
    modelpack: Annotated[
        list[Path] | None,
        typer.Option("--modelpack", help="What `weights export` wrote: a folder, a tar of one, volumes; repeatable."),
    ] = None,
    registry: Registry = None,
    plain_http: PlainHttp = False,
    ca_file: CaFile = None,
    user: User = "",
    tag: Annotated[str | None, typer.Option("--tag", help="Which model of a folder that holds several.")] = None,
    unsigned: Annotated[bool, typer.Option("--unsigned", help="Take an artifact without a trusted signature.")] = False,
    task: Annotated[str | None, typer.Option("--task", help="`chat`, `embedding` or `rerank`.")] = None,
    variant: Annotated[str | None, typer.Option("--variant", help="Of a catalogue entry.")] = None,
    leave_code_out: Annotated[
        bool, typer.Option("--leave-code-out", help="Take the model without the program code that comes with it.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show how far it is until it ends.")] = True,
    as_json: Json = False,
) -> None:
    """Import a model. An import that broke off goes on where it was when it is started again.

    Example: `appliance weights import my-model --modelpack /media/usb/my-model`
    """
    from installer.admin_client import AdminClient
    from installer.job_watch import failure, watch

    body: JsonObject = {"name": name, "task": task, "variant": variant, "leave_code_out": leave_code_out}
    if source is not None:
        body["source_path"] = str(source.absolute())
    if hub is not None or repository is not None:
        body["hub"] = hub_place(hub, repository=repository, revision=revision, endpoint=endpoint)
    place = registry_place(registry, plain_http=plain_http, ca_file=ca_file, user=user)
    body["modelpack"] = artifact_place(modelpack or [], place, tag=tag, unsigned=unsigned)
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


def hub_place(hub: str | None, *, repository: str | None, revision: str | None, endpoint: str | None) -> "JsonObject":
    if repository is None:
        raise BadRequest("A hub needs a repository.", hint="Add `--repository owner/name`.")
    place: JsonObject = {"hub": hub or "huggingface", "repository": repository}
    return {**place, "revision": revision, "endpoint": endpoint}


def artifact_place(
    places: list[Path], registry: "JsonObject | None", *, tag: str | None, unsigned: bool
) -> "JsonObject | None":
    """As the API takes it, which says what does not fit together; None where no artifact is meant."""
    if not places and registry is None:
        if tag is not None or unsigned:
            raise BadRequest("--tag and --unsigned are for --modelpack or --registry.", param="modelpack")
        return None
    absolute = [str(place.absolute()) for place in places]
    return {"places": absolute, "registry": registry, "tag": tag, "unsigned": unsigned}


def log_in_at_registry(
    host: Annotated[str, typer.Argument(help="The registry as its references name it, registry.example:5000.")],
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, help="Asked for where it is left out, and better so.")
    ],
) -> None:
    """Keep the password for a registry in a file of the home, for imports and exports with `--user`.

    It is sent to that registry, and to the token server that this one names, and stands in no job and no log.

    Example: `appliance weights registry-login registry.example:5000`
    """
    import re

    from appliance.base.files import write_atomically

    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(?::[0-9]{1,5})?", host):
        raise BadRequest(f"{host[:80]!r} is no registry's host.", hint="Write registry.example:5000.", param="host")
    folder = settings().paths.registry_passwords
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(folder / host.lower(), f"{password}\n".encode())
    print_exactly(f"The password for {host.lower()} is kept in {folder / host.lower()}.")
