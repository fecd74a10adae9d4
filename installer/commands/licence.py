"""`licence`: ask for licences of sealed weights, take them, and see how they stand. A client of the admin API."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

if TYPE_CHECKING:
    from installer.admin_client import JsonObject

app = typer.Typer(
    help="Ask for licences of sealed weights, apply them, and see how they stand.\n\nExample: `appliance licence list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

GOOD, BAD = {"valid"}, {"expired", "revoked", "foreign_box", "not_yet_valid"}

SignedFile = Annotated[Path, typer.Argument(help="The file that the vendor sent.")]


@app.command()
@speaks_plainly
def request(
    out_file: Annotated[Path, typer.Option("--out", help="Where the request goes.")] = Path("licence.request"),
) -> None:
    """Write a request for the vendor: this box's public key and salted hashes of what it is made of.

    Example: `appliance licence request --out licence.request`
    """
    from appliance.base.files import write_atomically
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        document = api.post("/licence-requests", {})["document"]
    write_atomically(out_file.absolute(), document.encode(), mode=0o644)
    print_exactly(f"{out_file}: send it to the vendor, and `appliance licence apply` what comes back.")


@app.command()
@speaks_plainly
def trust(
    file: SignedFile,
    fingerprint: Annotated[str | None, typer.Option(help="What the vendor told you; asked for without it.")] = None,
) -> None:
    """Take licences of this vendor from now on. Compare the fingerprint by another way than the file came.

    Example: `appliance licence trust vendor.root`
    """
    from appliance.licences.chain import read_root
    from installer.admin_client import AdminClient

    document = text_of(file)
    root = read_root(document.encode())
    if fingerprint is None:
        print_exactly(f"{root.name} has the fingerprint\n{root.fingerprint}")
        typer.confirm("Is it what the vendor told you?", abort=True)
        fingerprint = root.fingerprint
    with AdminClient(settings().paths) as api:
        api.post("/licence-roots", {"document": document, "fingerprint": fingerprint})
    print_exactly(f"Licences of {root.name} are taken from now on.")


@app.command()
@speaks_plainly
def apply(file: SignedFile, as_json: Json = False) -> None:
    """Take a licence or a revocation list. What is not right is refused with the reason, and changes nothing.

    Example: `appliance licence apply example-bank.licence`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        answer = api.post("/licences", {"document": text_of(file)})
    if as_json:
        print_json(answer)
        return
    what = "The licence" if answer["kind"] == "licence" else "The revocation list"
    print_exactly(f"{what} was taken. `appliance licence list` shows how things stand.")


@app.command("list")
@speaks_plainly
def list_licences(as_json: Json = False) -> None:
    """List licences with their state, term and cards.

    Example: `appliance licence list --json`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        licences = api.every("/licences")
    if as_json:
        print_json({"licences": licences})
        return
    columns = ["Id", "Customer", "Vendor", "State", "Until", "Cards", "Artifacts"]
    out.print(table("", columns, [row(licence) for licence in licences]))
    for licence in licences:
        if licence["state"] not in GOOD:
            print_exactly(f"{licence['id']}: {licence['state_reason']}")


@app.command()
@speaks_plainly
def show(
    licence_id: Annotated[str, typer.Argument(help="Its id; `appliance licence list` shows it.")],
    as_json: Json = False,
) -> None:
    """Show one licence: what it covers, how it stands, what of it is in use.

    Example: `appliance licence show lic-019f...`
    """
    from urllib.parse import quote

    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        licence = api.get(f"/licences/{quote(licence_id, safe='')}")
    if as_json:
        print_json(licence)
        return
    out.print(table(escape(licence["id"]), ["Fact", "Value"], facts(licence)))


def text_of(file: Path) -> str:
    """Raises SetupError where it is no text of a fit size: it goes to the API as it is."""
    from appliance.base.errors import SetupError
    from appliance.licences.envelope import LARGEST_BYTES

    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST_BYTES + 1)
        if len(raw) > LARGEST_BYTES:
            raise SetupError(f"{file} is larger than any licence file.")
        return raw.decode()
    except OSError as error:
        raise SetupError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise SetupError(f"{file} is no licence file.", hint="Copy it again, as it is.") from None


def row(licence: "JsonObject") -> list[object]:
    return [
        licence["id"],
        escape(licence["customer"]),
        escape(licence["vendor"]),
        state(licence),
        day(licence["not_after"]),
        f"{licence['cards_in_use']} of {licence['max_cards']}",
        escape(", ".join(artifact["name"] for artifact in licence["artifacts"])),
    ]


def facts(licence: "JsonObject") -> list[list[object]]:
    families = ", ".join(licence["accelerator_families"]) or "any"
    return [
        ["customer", escape(licence["customer"])],
        ["vendor", escape(licence["vendor"])],
        ["state", f"{state(licence)} {escape(licence['state_reason'])}"],
        ["term", f"{day(licence['not_before'])} to {day(licence['not_after'])}, {licence['grace_days']} days of grace"],
        ["cards", f"{licence['cards_in_use']} of {licence['max_cards']} in use; families: {escape(families)}"],
        ["nodes", f"{licence['nodes_in_use']} of {licence['max_nodes']} in use"],
        ["features", escape(", ".join(licence["features"])) or "none"],
        ["box", escape(licence["box_id"])],
        *(["artifact", f"{escape(one['name'])} {one['digest']}"] for one in licence["artifacts"]),
    ]


def state(licence: "JsonObject") -> str:
    colour = "green" if licence["state"] in GOOD else "red" if licence["state"] in BAD else "yellow"
    return f"[{colour}]{licence['state'].replace('_', ' ')}[/]"


def day(unix_seconds: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%d}"
