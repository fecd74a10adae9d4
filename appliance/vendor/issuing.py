"""Sign roots, issuers' certificates, licences and revocation lists: the writing side of `appliance.licences.chain`."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.base.errors import SetupError
from appliance.base.ids import new_uuid, public_id
from appliance.licences.asking import as_base64
from appliance.licences.chain import Root, read_certificate, read_revocations, read_root
from appliance.licences.documents import (
    Fingerprint,
    IssuerCertificate,
    Licence,
    LicenceRequest,
    LicensedArtifact,
    LicensedBox,
    Revocations,
    RootDocument,
    as_object,
)
from appliance.licences.envelope import Kind, seal_envelope
from appliance.licences.fingerprint import can_be_anchored, default_required
from appliance.licences.wrapping import wrap
from appliance.vendor.artifacts import Artifact
from appliance.vendor.vault import ISSUER_FILE, ISSUER_KEY, REVOCATIONS_FILE, ROOT_FILE, ROOT_KEY, Vault


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What was sold. `required` None: at least half of the parts that the request tells."""

    customer: str
    not_before: datetime
    not_after: datetime
    grace_days: int
    max_cards: int
    max_nodes: int
    accelerator_families: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    required: int | None = None
    resets_clock: bool = False


def make_root(vault: Vault, *, name: str) -> Root:
    """The key, and the file that customers' admins trust."""
    key = vault.new_key(ROOT_KEY)
    public_key = key.public_key().public_bytes_raw()
    document = RootDocument(name=name, public_key=as_base64(public_key))
    vault.write(ROOT_FILE, seal_envelope(Kind.ROOT, as_object(document), key=key))
    return Root(name, public_key)


def make_issuer(vault: Vault, *, root_vault: Vault, name: str, at: datetime, days: int) -> IssuerCertificate:
    """A key of its own with a certificate from the root; with a key that is there, a new certificate for it."""
    root_key = root_vault.key(ROOT_KEY)
    key = vault.key(ISSUER_KEY) if vault.has(ISSUER_KEY) else vault.new_key(ISSUER_KEY)
    certificate = IssuerCertificate(
        name=name,
        public_key=as_base64(key.public_key().public_bytes_raw()),
        not_before=seconds(at),
        not_after=seconds(at + timedelta(days=days)),
    )
    vault.write(ISSUER_FILE, seal_envelope(Kind.ISSUER, as_object(certificate), key=root_key))
    vault.write(ROOT_FILE, root_vault.read(ROOT_FILE))
    return certificate


def issue(
    request: LicenceRequest, *, terms: Terms, artifacts: Sequence[Artifact], vault: Vault, at: datetime
) -> tuple[Licence, bytes]:
    """The licence and its file; raises SetupError where the issuer's certificate does not hold now."""
    certificate = vault.read(ISSUER_FILE)
    check_certificate(certificate, vault=vault, at=at)
    licence_id = public_id("lic", new_uuid())
    fingerprint = fingerprint_policy(request, required=terms.required)
    public_key = base64.b64decode(request.public_key)
    licence = Licence(
        id=licence_id,
        customer=terms.customer,
        issued_at=seconds(at),
        not_before=seconds(terms.not_before),
        not_after=seconds(terms.not_after),
        grace_days=terms.grace_days,
        max_cards=terms.max_cards,
        max_nodes=terms.max_nodes,
        accelerator_families=list(terms.accelerator_families),
        features=list(terms.features),
        artifacts=[
            LicensedArtifact(
                digest=one.digest,
                name=one.name,
                wrapped_key=wrap(
                    one.data_key,
                    public_key=public_key,
                    licence_id=licence_id,
                    fingerprint=fingerprint,
                    digest=one.digest,
                ),
            )
            for one in artifacts
        ],
        box=LicensedBox(box_id=request.box_id, public_key=request.public_key, fingerprint=fingerprint),
        revocation_epoch=current_revocations(vault).epoch,
        resets_clock=terms.resets_clock,
    )
    return licence, seal_envelope(Kind.LICENCE, as_object(licence), key=vault.key(ISSUER_KEY), certificate=certificate)


def fingerprint_policy(request: LicenceRequest, *, required: int | None) -> Fingerprint:
    most = len(request.factors)
    wanted = default_required(request.factors) if required is None else required
    if wanted > most:
        raise SetupError(f"The request tells {most} parts of the box; {wanted} cannot be required.")
    return Fingerprint(
        salt=request.salt, factors=request.factors, required=wanted, anchored=can_be_anchored(request.factors)
    )


def revoke(vault: Vault, *, licence_ids: Sequence[str], at: datetime) -> Revocations:
    """The next list: all that was revoked before, and these; its epoch is one higher."""
    certificate = vault.read(ISSUER_FILE)
    check_certificate(certificate, vault=vault, at=at)
    before = current_revocations(vault)
    following = Revocations(
        epoch=before.epoch + 1,
        issued_at=seconds(at),
        licences=sorted({*before.licences, *licence_ids}),
    )
    envelope = seal_envelope(Kind.REVOCATIONS, as_object(following), key=vault.key(ISSUER_KEY), certificate=certificate)
    vault.write(REVOCATIONS_FILE, envelope)
    return following


def revoke_issuer(root_vault: Vault, *, vault: Vault, at: datetime) -> Revocations:
    """A list that the root signs: this vault's issuer is void, with every licence that it signed."""
    _, certificate = read_certificate(vault.read(ISSUER_FILE), roots=[read_root(root_vault.read(ROOT_FILE))])
    before = current_revocations(vault)
    issuer = Root(certificate.name, base64.b64decode(certificate.public_key))
    following = Revocations(
        epoch=before.epoch + 1,
        issued_at=seconds(at),
        licences=before.licences,
        issuers=sorted({*before.issuers, issuer.fingerprint}),
    )
    vault.write(REVOCATIONS_FILE, seal_envelope(Kind.REVOCATIONS, as_object(following), key=root_vault.key(ROOT_KEY)))
    return following


def current_revocations(vault: Vault) -> Revocations:
    """Epoch 0, empty, before the first."""
    if not vault.has(REVOCATIONS_FILE):
        return Revocations(epoch=0, issued_at=0)
    root = read_root(vault.read(ROOT_FILE))
    return read_revocations(vault.read(REVOCATIONS_FILE), roots=[root]).document


def check_certificate(certificate: bytes, *, vault: Vault, at: datetime) -> None:
    _, found = read_certificate(certificate, roots=[read_root(vault.read(ROOT_FILE))])
    if not found.not_before <= seconds(at) <= found.not_after:
        raise SetupError(
            "The issuer's certificate does not hold now.", hint="Let the root sign a new one: `keygen issuer`."
        )


def seconds(time: datetime) -> int:
    return int(time.timestamp())
