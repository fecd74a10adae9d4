"""A catalogue update: one file with entries and a number, signed with Ed25519 (RFC 8032) by whoever makes updates.

    thousand-sails catalogue update 1
    key <SHA-256 of the raw public key, 64 hexadecimal digits>
    signature <128 hexadecimal digits>
    {"sequence": 7, "issued": "2026-11-22T00:00:00Z", ...}

Signed are the first line and every byte after the third, exactly as they lie there: nothing is parsed before the
signature is found right. Size is bounded before that. `critical` names fields that a reader must know, as `crit` does
for JWS (RFC 7515, section 4.1.11). Numbers only go up, and an update may expire before it is applied: an old one cannot
be passed off as the newest (the rollback and freeze attacks of The Update Framework's specification, section 1.5.2).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from appliance.base.errors import BadRequest, SetupError, TooLarge
from model_catalog.admission import entries_of
from model_catalog.schema import CatalogueEntry

PREAMBLE = b"thousand-sails catalogue update 1\n"
HEADER = re.compile(rb"\Athousand-sails catalogue update 1\nkey ([0-9a-f]{64})\nsignature ([0-9a-f]{128})\n")
MOST_BYTES = 4 * 1024**2
MOST_ENTRIES = 2000
MOST_KEY_FILE_BYTES = 16 * 1024
RELEASED_SEQUENCE = 0
"""The last update whose entries the release itself carries; updates up to it add nothing any more."""

TRUST_FOLDER = Path("trust") / "catalogue"
"""In the appliance's home: public keys in PEM, one in each `*.pub`. The release brings none."""


class Head(BaseModel):
    """Read first: what follows may have a form that this release does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    critical: tuple[str, ...] = Field((), max_length=100)


class Sheet(Head):
    """Fields that are unknown and not critical are passed over; entries are read one by one."""

    sequence: int = Field(ge=1, le=2**53)
    issued: AwareDatetime
    expires: AwareDatetime | None = None
    entries: list[object] = Field(max_length=MOST_ENTRIES)


@dataclass(frozen=True)
class Update:
    """Entries are as strict as the release's own."""

    sequence: int
    issued: datetime
    expires: datetime | None
    entries: tuple[CatalogueEntry, ...]


@dataclass(frozen=True)
class Verified:
    """`key` is the SHA-256 of the key that signed it, `digest` that of the whole file."""

    update: Update
    key: str
    digest: str


def read_document(path: Path) -> bytes:
    """Raises BadRequest; a file that is too large is not read to its end."""
    try:
        with path.open("rb") as file:
            document = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}.") from error
    require_small(document)
    return document


def require_small(document: bytes) -> None:
    if len(document) > MOST_BYTES:
        raise TooLarge(f"A catalogue update has at most {MOST_BYTES // 1024**2} MiB.", code="update_too_large")


def trusted_keys(home: Path) -> dict[str, Ed25519PublicKey]:
    """By the SHA-256 of the raw key; raises SetupError that names a file which holds something else."""
    found: dict[str, Ed25519PublicKey] = {}
    for path in sorted((home / TRUST_FOLDER).glob("*.pub")):
        key = read_public_key(path)
        found[key_id(key)] = key
    return found


def read_public_key(path: Path) -> Ed25519PublicKey:
    try:
        with path.open("rb") as file:
            key = load_pem_public_key(file.read(MOST_KEY_FILE_BYTES))
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise not_a_key(path) from error
    if not isinstance(key, Ed25519PublicKey):
        raise not_a_key(path)
    return key


def not_a_key(path: Path) -> SetupError:
    return SetupError(
        f"{path} does not hold an Ed25519 public key in PEM.", hint="Put the right key there, or remove the file."
    )


def key_id(key: Ed25519PublicKey) -> str:
    return sha256(key.public_bytes_raw()).hexdigest()


def verified_update(document: bytes, *, trusted: Mapping[str, Ed25519PublicKey], now: datetime) -> Verified:
    """Raises TooLarge or BadRequest with the reason; what is returned was signed by a trusted key and has not expired.

    Whether its number is new is the caller's to know.
    """
    payload, key = signed_payload(document, trusted=trusted)
    update = parse(payload)
    if update.expires is not None and update.expires <= now:
        raise BadRequest(
            f"Catalogue update {update.sequence} expired at {update.expires.isoformat()}.",
            hint="Ask for a newer one; if this one is new, check the clock of the box.",
            code="update_expired",
        )
    return Verified(update, key, sha256(document).hexdigest())


def signed_payload(document: bytes, *, trusted: Mapping[str, Ed25519PublicKey]) -> tuple[bytes, str]:
    """The signed bytes after the header and the id of the key; nothing in them has been looked at."""
    require_small(document)
    header = HEADER.match(document)
    if header is None:
        raise BadRequest(
            "This is no catalogue update.",
            hint=f"Such a file begins with `{PREAMBLE.decode().strip()}`; a newer form needs a newer release.",
            code="not_an_update",
        )
    if not trusted:
        raise BadRequest(
            "No key is trusted to sign catalogue updates.",
            hint=f"Put the publisher's public key, PEM, into {TRUST_FOLDER}/NAME.pub below the appliance's home.",
            code="no_trusted_key",
        )
    name, payload = header[1].decode(), document[header.end() :]
    key = trusted.get(name)
    if key is None:
        raise BadRequest(
            f"The catalogue update was signed with the key {name[:16]}…, which is not trusted here.",
            hint=f"Trusted are {', '.join(f'{each[:16]}…' for each in trusted)}; others go into {TRUST_FOLDER}.",
            code="unknown_key",
        )
    try:
        key.verify(bytes.fromhex(header[2].decode()), PREAMBLE + payload)
    except InvalidSignature as error:
        raise BadRequest(
            "The signature of the catalogue update is wrong: it was changed or damaged since it was signed.",
            hint="Fetch the file again.",
            code="bad_signature",
        ) from error
    return payload, name


def parse(payload: bytes) -> Update:
    """Raises BadRequest that names the field, and the entry where it is one's."""
    try:
        unknown = set(Head.model_validate_json(payload).critical) - set(Sheet.model_fields)
        if unknown:
            names = ", ".join(f"`{name[:80]}`" for name in sorted(unknown))
            raise BadRequest(
                f"The catalogue update needs {names}, which this release does not know.",
                hint="Upgrade the appliance first.",
                code="update_too_new",
            )
        sheet = Sheet.model_validate_json(payload)
        entries = entries_of(sheet.entries)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise unusable(": ".join([*(str(part) for part in first["loc"]), str(first["msg"])])) from error
    except BadRequest as error:
        if error.error_code != "entry_refused":
            raise
        raise unusable(error.message.removesuffix(".")) from error
    return Update(sheet.sequence, sheet.issued, sheet.expires, entries)


def unusable(what: str) -> BadRequest:
    return BadRequest(
        f"The catalogue update cannot be used: {what}.",
        hint="It may be made for a newer release of the appliance.",
        code="update_refused",
    )


def require_successors(entries: Collection[CatalogueEntry], *, released: Collection[str]) -> None:
    known = {entry.name for entry in entries}.union(released)
    for entry in entries:
        if entry.successor_name is not None and entry.successor_name not in known:
            raise BadRequest(
                f"`{entry.name}`: successor: there is no `{entry.successor_name}` in the release or in this update.",
                code="update_refused",
            )


def require_newer(update: Update, *, applied: int) -> None:
    """`applied`: the highest number that was ever applied on this appliance, 0 where none was."""
    highest = max(applied, RELEASED_SEQUENCE)
    if update.sequence <= highest:
        raise BadRequest(
            f"Catalogue update {update.sequence} is not newer than what is here (number {highest}).",
            hint="An older update is never applied over a newer one.",
            code="update_not_newer",
        )


def signed_document(payload: bytes, *, key: Ed25519PrivateKey) -> bytes:
    signature = key.sign(PREAMBLE + payload).hex()
    return PREAMBLE + f"key {key_id(key.public_key())}\nsignature {signature}\n".encode() + payload
