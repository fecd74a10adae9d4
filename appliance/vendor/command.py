"""The `appliance-vendor` command."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer
from pydantic import ValidationError

from appliance.base import clock
from appliance.base.errors import ApplianceError, SetupError
from appliance.base.files import write_atomically
from appliance.licences.chain import read_request
from appliance.licences.documents import first_fault
from appliance.licences.envelope import LARGEST_BYTES
from appliance.licences.fingerprint import can_be_anchored
from appliance.vendor import artifacts, issuing
from appliance.vendor.vault import REVOCATIONS_FILE, ROOT_FILE, Vault

app = typer.Typer(
    name="appliance-vendor",
    help="For vendors of sealed weights: make keys, seal, issue licences, revoke them. No network, no database.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
keygen = typer.Typer(help="Make the root's and the issuer's keys.", no_args_is_help=True)
app.add_typer(keygen, name="keygen")

P = ParamSpec("P")
R = TypeVar("R")

VaultFolder = Annotated[Path, typer.Option("--vault", help="The issuer's folder of keys.")]
RootFolder = Annotated[Path, typer.Option("--root", help="The root's folder; keep it offline.")]
Passphrase = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file with the passphrase of the private keys.")
]
RootPassphrase = Annotated[
    Path | None, typer.Option("--root-passphrase-file", help="A file with the passphrase of the root's key.")
]


def speaks_plainly(command: Callable[P, R]) -> Callable[P, R]:
    """Our errors become a sentence and a hint with exit code 1; anything else is a bug and shows."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ApplianceError as error:
            typer.echo(" ".join(filter(None, (error.message, error.hint))), err=True)
        except ValidationError as error:
            typer.echo(f"That cannot be signed, it is wrong at {first_fault(error)}", err=True)
        raise typer.Exit(1)

    return run


@keygen.command("root")
@speaks_plainly
def keygen_root(
    root: RootFolder,
    name: Annotated[str, typer.Option(help="The vendor's name, as customers see it.")],
    root_passphrase_file: RootPassphrase = None,
) -> None:
    """Make the root's key, and the file that customers trust."""
    made = issuing.make_root(open_vault(root, root_passphrase_file), name=name)
    typer.echo(f"{root / ROOT_FILE} goes to customers. Tell them its fingerprint by another way:\n{made.fingerprint}")


@keygen.command("issuer")
@speaks_plainly
def keygen_issuer(
    root: RootFolder,
    vault: VaultFolder,
    name: Annotated[str, typer.Option(help="The issuer's name.")] = "issuer",
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long the certificate holds.")] = 365,
    passphrase_file: Passphrase = None,
    root_passphrase_file: RootPassphrase = None,
) -> None:
    """Make an issuer's key with a certificate from the root; again: a new certificate for the same key."""
    opened, signer = open_vault(vault, passphrase_file), open_vault(root, root_passphrase_file)
    made = issuing.make_issuer(opened, root_vault=signer, name=name, at=clock.now(), days=days)
    typer.echo(f"{made.name} may issue until {datetime.fromtimestamp(made.not_after, UTC):%Y-%m-%d}.")


@app.command()
@speaks_plainly
def seal(
    folder: Annotated[Path, typer.Argument(help="The weights to seal.")],
    out: Annotated[Path, typer.Argument(help="Where the sealed artifact goes.")],
    vault: VaultFolder,
    name: Annotated[str, typer.Option(help="The model's name in licences.")],
    passphrase_file: Passphrase = None,
) -> None:
    """Seal weights under a new key, which stays in the vault."""
    made = artifacts.seal(folder, out, name=name, vault=open_vault(vault, passphrase_file))
    typer.echo(f"{made.name} is sealed: {made.digest}")


@app.command()
@speaks_plainly
def issue(
    request: Annotated[Path, typer.Argument(help="The customer's request file.")],
    out: Annotated[Path, typer.Argument(help="Where the licence goes.")],
    vault: VaultFolder,
    customer: Annotated[str, typer.Option(help="Who may use it.")],
    artifact: Annotated[list[str], typer.Option(help="Digest of a sealed artifact, or its beginning; repeat it.")],
    days: Annotated[int, typer.Option(min=1, max=36600, help="Term in days.")] = 365,
    grace_days: Annotated[int, typer.Option(min=0, max=3660, help="Days after the term with warnings only.")] = 14,
    max_cards: Annotated[int, typer.Option(min=1, help="Cards that may work at one time.")] = 1,
    max_nodes: Annotated[int, typer.Option(min=1, help="Nodes that these cards may be in.")] = 1,
    family: Annotated[list[str] | None, typer.Option(help="Accelerator family that is allowed; repeat it.")] = None,
    feature: Annotated[list[str] | None, typer.Option(help="A feature by name; repeat it.")] = None,
    required: Annotated[int | None, typer.Option(min=0, help="Parts of the box that must still be there.")] = None,
    resets_clock: Annotated[bool, typer.Option("--resets-clock", help="For a box whose clock had run ahead.")] = False,
    passphrase_file: Passphrase = None,
) -> None:
    """Write a licence for the box that made the request."""
    opened, now = open_vault(vault, passphrase_file), clock.now()
    asked = read_request(read_bounded(request))
    licence, content = issuing.issue(
        asked,
        terms=issuing.Terms(
            customer=customer,
            not_before=now,
            not_after=now + timedelta(days=days),
            grace_days=grace_days,
            max_cards=max_cards,
            max_nodes=max_nodes,
            accelerator_families=tuple(family or ()),
            features=tuple(feature or ()),
            required=required,
            resets_clock=resets_clock,
        ),
        artifacts=[artifacts.find_artifact(each, vault=opened) for each in artifact],
        vault=opened,
        at=now,
    )
    write_atomically(out, content, mode=0o644)
    typer.echo(f"{out}: {licence.id} for {asked.hostname} ({asked.box_id}), until {licence.ends:%Y-%m-%d}.")
    typer.echo(f"Of {', '.join(asked.factors) or 'nothing'} it needs {licence.box.fingerprint.required}.")
    if not can_be_anchored(asked.factors):
        typer.echo("This box told neither a TPM nor an accelerator: copies of a virtual machine cannot be told apart.")
    if licence.revocation_epoch:
        typer.echo(f"Send {vault / REVOCATIONS_FILE} along: the licence needs it.")


@app.command()
@speaks_plainly
def revoke(
    vault: VaultFolder,
    licence: Annotated[list[str] | None, typer.Argument(help="Ids of licences.")] = None,
    issuer: Annotated[bool, typer.Option("--issuer", help="Revoke this vault's issuer; needs the root.")] = False,
    root: Annotated[Path | None, typer.Option("--root", help="The root's folder, for --issuer.")] = None,
    passphrase_file: Passphrase = None,
    root_passphrase_file: RootPassphrase = None,
) -> None:
    """Write the next revocation list: everything before, and these."""
    opened = open_vault(vault, passphrase_file)
    if issuer:
        if root is None or licence:
            raise SetupError("--issuer takes --root and no licences.")
        made = issuing.revoke_issuer(open_vault(root, root_passphrase_file), vault=opened, at=clock.now())
    elif licence:
        made = issuing.revoke(opened, licence_ids=licence, at=clock.now())
    else:
        raise SetupError("Name the licences to revoke, or --issuer.")
    typer.echo(f"{vault / REVOCATIONS_FILE}: list {made.epoch}, {len(made.licences)} licences. Send it to customers.")


def open_vault(folder: Path, passphrase_file: Path | None) -> Vault:
    """A passphrase never comes by argument or environment, where other processes could read it."""
    if passphrase_file is None:
        return Vault(folder)
    return Vault(folder, read_bounded(passphrase_file).strip() or None)


def read_bounded(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}.") from error
