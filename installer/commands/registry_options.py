"""Options of the commands that speak with an OCI registry, and what of the request they make."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.base.errors import BadRequest

if TYPE_CHECKING:
    from installer.admin_client import JsonObject

Registry = Annotated[
    str | None, typer.Option("--registry", help="host[:port]/repository:tag of an OCI registry, instead of a folder.")
]
PlainHttp = Annotated[bool, typer.Option("--plain-http", help="The registry has no TLS; its host must be allowed.")]
CaFile = Annotated[
    Path | None, typer.Option("--ca-file", help="Certificates that vouch for the registry, a file of the box.")
]
User = Annotated[str, typer.Option("--user", help="User at the registry; `weights registry-login` keeps the password.")]


def registry_place(reference: str | None, *, plain_http: bool, ca_file: Path | None, user: str) -> "JsonObject | None":
    if reference is None:
        if plain_http or ca_file is not None or user:
            raise BadRequest("--plain-http, --ca-file and --user are for a --registry.", param="registry")
        return None
    place: JsonObject = {"reference": reference, "plain_http": plain_http, "user": user}
    return {**place, "ca_file": str(ca_file.absolute())} if ca_file is not None else place
