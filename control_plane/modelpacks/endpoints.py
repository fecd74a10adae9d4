"""`/api/v1/modelpacks` and `/api/v1/signing-keys`."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request

from appliance.base.settings import Settings
from appliance.weights.modelpack.signing import Keyring, keyring_of
from appliance.weights.urls import UrlGuard
from control_plane.access.dependencies import CurrentAdmin, needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import ListAnswer, list_answer
from control_plane.modelpacks import service
from control_plane.modelpacks.inspection import inspect
from control_plane.modelpacks.schemas import ModelPackAnswer, ModelPackRequest, SigningKeyAnswer, TrustKeyRequest

router = APIRouter(prefix="/api/v1", tags=["modelpacks"])

Reads = Annotated[Principal, needs(Permission.VERSIONS_READ)]
Writes = Annotated[Principal, needs(Permission.VERSIONS_WRITE)]


def this_box(request: Request) -> Keyring:
    return keyring_of(cast(Settings, request.app.state.settings).paths)


ThisKeyring = Annotated[Keyring, Depends(this_box)]


@router.post("/modelpacks/inspect")
def inspect_modelpack(request: Request, session: DbSession, _: Writes, body: ModelPackRequest) -> ModelPackAnswer:
    """What a source holds, who signed it and what this box lacks of it; no weights are read.

    Bounded: 20 s. A stranger's signature is named, a wrong one is refused.
    """
    settings = cast(Settings, request.app.state.settings)
    if body.registry is not None:
        UrlGuard(settings.imports.hosts).check(body.registry.place().url)
    session.close()  # no connection is held while a disk or a network is waited for
    return ModelPackAnswer.model_validate(inspect(body.place(), settings))


@router.get("/signing-keys")
def list_signing_keys(_: Reads, keyring: ThisKeyring) -> ListAnswer[SigningKeyAnswer]:
    """Keys whose signatures are taken: this box's own, where it has one already, and those that an admin brought."""
    own = keyring.own_id()
    keys = [key_answer(keyring, own)] if own else []
    return list_answer([*keys, *(key_answer(keyring, each) for each in keyring.trusted_ids() if each != own)])


@router.get("/signing-keys/own")
def get_own_signing_key(_: Writes, keyring: ThisKeyring) -> SigningKeyAnswer:
    """The public key that other boxes are to trust; made the first time."""
    public_pem = keyring.public_pem().decode()
    return SigningKeyAnswer(id=keyring.own_id() or "", own=True, public_key=public_pem)


@router.post("/signing-keys")
def trust_signing_key(
    session: DbSession, admin: CurrentAdmin, keyring: ThisKeyring, body: TrustKeyRequest
) -> SigningKeyAnswer:
    """Take what this key signs from now on."""
    identity = service.trust_key(session, admin, keyring, public_pem=body.public_key.encode(), told=body.key_id)
    return key_answer(keyring, identity)


@router.delete("/signing-keys/{key_id}", status_code=204)
def distrust_signing_key(session: DbSession, admin: CurrentAdmin, keyring: ThisKeyring, key_id: str) -> None:
    """Take it no more; what was imported stays. This box's own key cannot be removed."""
    service.distrust_key(session, admin, keyring, identity=key_id)


def key_answer(keyring: Keyring, identity: str) -> SigningKeyAnswer:
    return SigningKeyAnswer(id=identity, own=identity == keyring.own_id(), public_key=keyring.pem_of(identity).decode())
