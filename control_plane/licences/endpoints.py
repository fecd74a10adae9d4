"""`/api/v1/licences`: read by users; asked for, trusted and applied by admins."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.settings import Settings
from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import ListAnswer, list_answer
from control_plane.licences import repository, service
from control_plane.licences.here import Here
from control_plane.licences.schemas import (
    ApplyAnswer,
    LicenceAnswer,
    RequestAnswer,
    RootAnswer,
    SignedFile,
    TrustRequest,
    licence_answer,
    root_answer,
)
from control_plane.licences.seats import in_use

router = APIRouter(prefix="/api/v1", tags=["licences"])

Reads = Annotated[Principal, needs(Permission.LICENCES_READ)]
Writes = Annotated[Principal, needs(Permission.LICENCES_WRITE)]


def this_box(request: Request) -> Here:
    """Tests put another machine in its place."""
    return Here(cast(Settings, request.app.state.settings).paths)


ThisBox = Annotated[Here, Depends(this_box)]


@router.get("/licences")
def list_licences(session: DbSession, _: Reads, here: ThisBox) -> ListAnswer[LicenceAnswer]:
    """All of them, in the order in which they were applied, as they stand now."""
    return list_answer(answers(session, here))


@router.post("/licences")
def apply_licence(session: DbSession, admin: Writes, here: ThisBox, body: SignedFile) -> ApplyAnswer:
    """Take a licence or a vendor's revocation list. Nothing is parsed before its signature holds."""
    kind = service.apply(session, admin, body.document.encode(), here, now=clock.now())
    return ApplyAnswer(kind=kind.value)


@router.get("/licences/{licence_id}")
def get_licence(session: DbSession, _: Reads, here: ThisBox, licence_id: str) -> LicenceAnswer:
    wanted = service.find(session, licence_id)
    return next(one for one in answers(session, here) if one.id == wanted.licence_id)


@router.post("/licence-requests")
def create_licence_request(session: DbSession, admin: Writes, here: ThisBox) -> RequestAnswer:
    """A signed file for the vendor: public keys and salted hashes. The box's key is made the first time."""
    return RequestAnswer(document=service.ask(session, admin, here, now=clock.now()).decode())


@router.get("/licence-roots")
def list_licence_roots(session: DbSession, _: Reads) -> ListAnswer[RootAnswer]:
    """Vendors whose licences are taken; an id is the fingerprint of a key."""
    return list_answer([root_answer(root) for root in repository.roots(session)])


@router.post("/licence-roots")
def trust_licence_root(session: DbSession, admin: Writes, body: TrustRequest) -> RootAnswer:
    """Take licences of this vendor from now on."""
    return root_answer(service.trust_root(session, admin, body.document.encode(), fingerprint=body.fingerprint))


def answers(session: Session, here: Here) -> list[LicenceAnswer]:
    vendors = {root.id: root.name for root in repository.roots(session)}
    return [
        licence_answer(row, standing, vendor=vendors[row.root_id], cards=in_use(session, row.id))
        for row, standing in service.standings(session, here, now=clock.now())
    ]
