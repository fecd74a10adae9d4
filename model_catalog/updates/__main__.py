"""`python -m model_catalog.updates`: for whoever makes catalogue updates. Never run on an appliance.

`keys FOLDER` makes a pair of keys, `sign FOLDER` an update of YAML files, `check FILE` reads one as a box would.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from appliance.base import clock
from appliance.base.errors import ApplianceError, SetupError
from model_catalog.catalogue import load_catalogue, load_family
from model_catalog.schema import CatalogueEntry
from model_catalog.updates.reading import (
    key_id,
    parse,
    read_document,
    read_public_key,
    require_small,
    require_successors,
    signed_document,
    verified_update,
)

KEY_NAME, PUBLIC_NAME = "catalogue.key", "catalogue.pub"


def main(arguments: Sequence[str]) -> int:
    given = parser().parse_args(arguments)
    try:
        if given.command == "keys":
            said = make_keys(given.folder)
        elif given.command == "sign":
            said = sign(given)
        else:
            said = check(given.file, public=given.public)
    except ApplianceError as error:
        sys.stderr.write(f"{error.message} {error.hint or ''}".rstrip() + "\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m model_catalog.updates", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True)
    keys = commands.add_parser("keys", help="make a pair of keys")
    keys.add_argument("folder", type=Path)
    signing = commands.add_parser("sign", help="make an update of the YAML files of a folder")
    signing.add_argument("folder", type=Path)
    signing.add_argument("--key", type=Path, required=True, help="the private key")
    signing.add_argument("--sequence", type=int, required=True, help="higher than that of every update before it")
    signing.add_argument("--expires", type=instant, help="ISO 8601 with a time zone; never when left out")
    signing.add_argument("--out", type=Path, required=True)
    checking = commands.add_parser("check", help="verify an update and say what is in it")
    checking.add_argument("file", type=Path)
    checking.add_argument("--public", type=Path, required=True, help="the public key")
    return made


def instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("say the time zone, such as 2027-06-30T00:00:00+00:00")
    return found


def make_keys(folder: Path) -> str:
    """The private key is readable by its owner alone, and never written over."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content, mode in ((KEY_NAME, private, 0o600), (PUBLIC_NAME, public, 0o644)):
        write_new(folder / name, content, mode=mode)
    return f"{folder / PUBLIC_NAME} goes to the boxes; {folder / KEY_NAME} to nobody. Key {key_id(key.public_key())}."


def write_new(path: Path, content: bytes, *, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise SetupError(f"{path} cannot be made: {error.strerror}.", hint="Nothing is written over.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def sign(given: argparse.Namespace) -> str:
    entries = entries_of(given.folder)
    document = {
        "sequence": given.sequence,
        "issued": clock.now().isoformat(),
        **({"expires": given.expires.isoformat()} if given.expires else {}),
        "critical": [],
        "entries": [entry.model_dump(mode="json", exclude_unset=True) for entry in entries],
    }
    payload = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    parse(payload)
    key = read_private_key(given.key)
    signed = signed_document(payload, key=key)
    require_small(signed)
    write_new(given.out, signed, mode=0o644)
    return f"{given.out}: update {given.sequence} with {len(entries)} entries, {len(signed):,} bytes."


def entries_of(folder: Path) -> list[CatalogueEntry]:
    entries = [entry for path in sorted(folder.glob("*.yaml")) for entry in load_family(path)]
    if not entries:
        raise SetupError(f"{folder} holds no YAML files with entries.")
    require_successors(entries, released=load_catalogue())
    return entries


def read_private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SetupError(f"{path} does not hold a private key in PEM without a password.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SetupError(f"{path} holds another kind of key; make one with `keys`.")
    return key


def check(path: Path, *, public: Path) -> str:
    key = read_public_key(public)
    found = verified_update(read_document(path), trusted={key_id(key): key}, now=clock.now())
    update = found.update
    return f"Update {update.sequence} of {update.issued.isoformat()}, {len(update.entries)} entries, rightly signed."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
