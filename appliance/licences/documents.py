"""What signed files say, typed. Times are Unix seconds, keys and salts base64, digests 64 hexadecimal digits.

A field that is not known is passed over, unless the document lists it in `critical` (as RFC 7515, section 4.1.11 does
with `crit`): then whoever does not understand it must not act on the document.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.licences.canonical import JsonObject, parse_canonical
from appliance.licences.refusal import LicenceRefused, Why

FORMAT = 1
LONGEST_NAME = 200
MOST_ARTIFACTS = 500
MOST_HASHES = 256
MOST_REVOKED = 10_000
WRAPPED_KEY_BYTES = 80
"""HPKE with X25519 and AES-256-GCM: 32 bytes of encapsulated key, 32 of data key, 16 of tag."""


def base64_of(n_bytes: int) -> AfterValidator:
    def check(text: str) -> str:
        try:
            value = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("is no base64") from None
        if len(value) != n_bytes or base64.b64encode(value).decode() != text:
            raise ValueError(f"is not {n_bytes} bytes in base64")
        return text

    return AfterValidator(check)


Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]+$")]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")]
Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Key = Annotated[str, base64_of(32)]
WrappedKey = Annotated[str, base64_of(WRAPPED_KEY_BYTES)]
Time = Annotated[int, Field(ge=0, lt=253402300800)]
Epoch = Annotated[int, Field(ge=0, lt=2**53)]


class Document(BaseModel):
    """Strict: values are what the signed bytes say, no text is read as a number."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    kind_name: ClassVar[str] = "document"

    critical: Annotated[list[Word], Field(max_length=32)] = []


class Part(BaseModel):
    """Inside a document every field counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Span(Document):
    not_before: Time
    not_after: Time

    @model_validator(mode="after")
    def in_order(self) -> Self:
        if self.not_after <= self.not_before:
            raise ValueError("not_after is not later than not_before")
        return self


class RootDocument(Document):
    """A vendor's root, signed with itself. Trust comes from the admin who compares its fingerprint."""

    kind_name: ClassVar[str] = "root"

    name: Name
    public_key: Key


class IssuerCertificate(Span):
    """Signed by the root, which stays offline; expires, so that a stolen issuer's key does not issue for ever."""

    kind_name: ClassVar[str] = "issuer certificate"

    name: Name
    public_key: Key


class LicensedArtifact(Part):
    """`wrapped_key` opens only with the key of the one appliance (`wrapping`)."""

    digest: Digest
    name: Name
    wrapped_key: WrappedKey


class Fingerprint(Part):
    """Salted hashes of what the box was made of when it asked, by factor; `required` of them must still be there.

    `anchored`: one of them must be a TPM or an accelerator, for copies of a virtual machine share all the rest.
    """

    salt: Key
    factors: Annotated[dict[Word, Annotated[list[Digest], Field(max_length=MOST_HASHES)]], Field(max_length=16)]
    required: Annotated[int, Field(ge=0, le=16)]
    anchored: bool = False


class LicensedBox(Part):
    """`box_id` is for people; `public_key` (X25519) is what binds."""

    box_id: Identifier
    public_key: Key
    fingerprint: Fingerprint


class Licence(Span):
    """Who may load which artifacts where, for how long and on how many cards.

    `accelerator_families` empty: any. `revocation_epoch`: a revocation list at least as new as this must be there.
    `resets_clock`: the clock's high-water mark starts again at `issued_at`, once, where a clock had run ahead.
    """

    kind_name: ClassVar[str] = "licence"

    id: Identifier
    customer: Name
    issued_at: Time
    grace_days: Annotated[int, Field(ge=0, le=3660)]
    max_cards: Annotated[int, Field(ge=1, le=1_000_000)]
    max_nodes: Annotated[int, Field(ge=1, le=1_000_000)]
    accelerator_families: Annotated[list[Word], Field(max_length=64)] = []
    features: Annotated[list[Word], Field(max_length=64)] = []
    artifacts: Annotated[list[LicensedArtifact], Field(min_length=1, max_length=MOST_ARTIFACTS)]
    box: LicensedBox
    revocation_epoch: Epoch
    resets_clock: bool = False

    @property
    def starts(self) -> datetime:
        return datetime.fromtimestamp(self.not_before, UTC)

    @property
    def ends(self) -> datetime:
        return datetime.fromtimestamp(self.not_after, UTC)

    @property
    def issued(self) -> datetime:
        return datetime.fromtimestamp(self.issued_at, UTC)

    def artifact(self, digest: str) -> LicensedArtifact | None:
        return next((each for each in self.artifacts if each.digest == digest), None)

    def covers(self, digest: str) -> bool:
        return self.artifact(digest) is not None


class Revocations(Document):
    """Epochs only rise. `issuers` (fingerprints of their keys) only in a list that the root itself signed."""

    kind_name: ClassVar[str] = "revocation list"

    epoch: Epoch
    issued_at: Time
    licences: Annotated[list[Identifier], Field(max_length=MOST_REVOKED)] = []
    issuers: Annotated[list[Digest], Field(max_length=1000)] = []

    @property
    def issued(self) -> datetime:
        return datetime.fromtimestamp(self.issued_at, UTC)


class LicenceRequest(Document):
    """What a box sends to the vendor. `signing_key` (Ed25519) signed this file: proof that it is whole, no more."""

    kind_name: ClassVar[str] = "licence request"

    box_id: Identifier
    hostname: Name
    public_key: Key
    signing_key: Key
    nonce: Key
    salt: Key
    factors: Annotated[dict[Word, Annotated[list[Digest], Field(max_length=MOST_HASHES)]], Field(max_length=16)]
    appliance_version: Name
    created_at: Time


DocumentT = TypeVar("DocumentT", bound=Document)


def parse_document(payload: bytes, model: type[DocumentT]) -> DocumentT:
    """Only for bytes whose signature was checked. Raises LicenceRefused that names the field, not its value."""
    raw = parse_canonical(payload)
    try:
        document = model.model_validate(raw)
    except ValidationError as error:
        raise LicenceRefused(Why.DAMAGED, f"The {model.kind_name} is wrong at {first_fault(error)}") from None
    refuse_unknown_critical(raw, model)
    return document


def first_fault(error: ValidationError) -> str:
    """Where and what, without the value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part)[:40] for part in first["loc"]) or "the whole"
    return f"`{field}`: {first['msg']}."


def refuse_unknown_critical(raw: JsonObject, model: type[Document]) -> None:
    listed = raw.get("critical")
    unknown = [name for name in listed if name not in model.model_fields] if isinstance(listed, list) else []
    if unknown:
        raise LicenceRefused(
            Why.NEWER_FORMAT,
            f"The {model.kind_name} demands what this version does not know: {', '.join(map(str, unknown))}.",
            hint="Use the version of the appliance it was made for.",
        )


def as_object(document: BaseModel) -> JsonObject:
    """For signing."""
    return document.model_dump(mode="json")
