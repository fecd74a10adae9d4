"""`weights signing-keys`: whose exports this box takes. A client of the admin API."""

from pathlib import Path
from typing import Annotated

import typer

from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

app = typer.Typer(
    help="See and choose whose exports are taken.\n\nExample: `appliance weights signing-keys list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

LARGEST_BYTES = 4096


@app.command("list")
@speaks_plainly
def list_keys(as_json: Json = False) -> None:
    """List the keys whose exports this box takes; its own is one of them.

    Example: `appliance weights signing-keys list`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        keys = api.every("/signing-keys")
    if as_json:
        print_json({"signing_keys": keys})
        return
    out.print(table("", ["Id", "Whose"], [[key["id"], "this box's own" if key["own"] else "trusted"] for key in keys]))


@app.command()
@speaks_plainly
def show(
    out_file: Annotated[Path | None, typer.Option("--out", help="Write the public key there as well.")] = None,
    as_json: Json = False,
) -> None:
    """Show the public key of this box, which other boxes are to trust; it is made the first time.

    Example: `appliance weights signing-keys show --out this-box.pem`
    """
    from appliance.base.files import write_atomically
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        key = api.get("/signing-keys/own")
    if out_file is not None:
        write_atomically(out_file.absolute(), key["public_key"].encode(), mode=0o644)
    if as_json:
        print_json(key)
    else:
        print_exactly(f"{key['public_key']}{key['id']}")


@app.command()
@speaks_plainly
def trust(
    file: Annotated[Path, typer.Argument(help="The other box's public key, as `signing-keys show` wrote it.")],
    key_id: Annotated[
        str | None, typer.Option("--key-id", help="What you were told; refused where it differs.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take exports that this key signed. Compare its id with its owner by another way than the file came.

    Example: `appliance weights signing-keys trust that-box.pem`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        key = api.post("/signing-keys", {"public_key": text_of(file), "key_id": key_id})
    if as_json:
        print_json(key)
    else:
        print_exactly(f"{key['id']}\nExports that this key signed are taken. Compare the id with its owner.")


@app.command()
@speaks_plainly
def distrust(
    key_id: Annotated[str, typer.Argument(help="Its id; `signing-keys list` shows it.")],
) -> None:
    """Take exports of this key no more. What was imported stays.

    Example: `appliance weights signing-keys distrust 3f2a...`
    """
    from urllib.parse import quote

    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        api.delete(f"/signing-keys/{quote(key_id, safe='')}")
    print_exactly(f"{key_id}: no longer trusted.")


def text_of(file: Path) -> str:
    from appliance.base.errors import SetupError

    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise SetupError(f"{file} cannot be read: {error.strerror}.") from error
    if len(raw) > LARGEST_BYTES or not raw.isascii():
        raise SetupError(f"{file} is no public key in PEM form.", hint="Use what `signing-keys show --out` wrote.")
    return raw.decode()
