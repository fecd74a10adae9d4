"""`/api/v1/keys`, and `/v1/organization/projects/{project_id}/api_keys` in the shape of OpenAI's admin API."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter
from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import BadRequest, NotFound
from appliance.base.ids import parse_public_id
from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.keys import project_keys, repository, service
from control_plane.keys.schemas import (
    CreatedKeyAnswer,
    DeletedProjectKey,
    KeyAnswer,
    KeyPatch,
    KeyRequest,
    ProjectKeyAnswer,
    ProjectKeyPatch,
    RotateRequest,
    key_answer,
)
from control_plane.keys.tables import ApiKey
from control_plane.tenants.service import find_project

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])
organization = APIRouter(prefix="/v1/organization/projects/{project_id}/api_keys", tags=["organization"])

Reads = Annotated[Principal, needs(Permission.KEYS_READ)]
Writes = Annotated[Principal, needs(Permission.KEYS_WRITE)]
Access = Literal["active", "inactive", "any"]


def answer(session: Session, key: ApiKey) -> KeyAnswer:
    return key_answer(key, last_used_at=repository.last_uses(session, [key.id]).get(key.id))


@router.post("", status_code=201)
def create_key(session: DbSession, principal: Writes, body: KeyRequest) -> CreatedKeyAnswer:
    """Make a key of one's own; its secret is in this answer and nowhere else."""
    project_id = parse_public_id("proj", body.project_id) if body.project_id else None
    if body.project_id and project_id is None:
        raise BadRequest("`project_id` is not the id of a project.", param="project_id")
    wanted = service.NewKey(
        name=body.name,
        project_id=project_id,
        allowed_models=body.allowed_models,
        expires_at=body.expiry,
        scopes=body.scopes,
        allowed_networks=body.allowed_networks,
    )
    key, secret = service.create_key(session, principal, wanted)
    return CreatedKeyAnswer(**key_answer(key).model_dump(), secret=secret.text)


@router.get("")
def list_keys(
    session: DbSession,
    principal: Reads,
    after: After = None,
    limit: Limit = 20,
    project_id: str | None = None,
    include_revoked: bool = False,
) -> ListAnswer[KeyAnswer]:
    project = parse_public_id("proj", project_id) if project_id else None
    if project_id and project is None:
        raise BadRequest("`project_id` is not the id of a project.", param="project_id")
    page = repository.keys_page(
        session,
        page_query("key", after=after, limit=limit),
        project_id=project,
        include_revoked=include_revoked,
        reach=principal.reach,
    )
    used = repository.last_uses(session, [key.id for key in page.rows])
    return list_answer([key_answer(key, last_used_at=used.get(key.id)) for key in page.rows], has_more=page.has_more)


@router.get("/{key_id}")
def get_key(session: DbSession, principal: Reads, key_id: str) -> KeyAnswer:
    return answer(session, service.find_key(session, principal, key_id))


@router.patch("/{key_id}")
def change_key(session: DbSession, principal: Writes, key_id: str, body: KeyPatch) -> KeyAnswer:
    return answer(session, service.change_key(session, principal, key_id, body.change()))


@router.post("/{key_id}/rotate")
def rotate_key(session: DbSession, principal: Writes, key_id: str, body: RotateRequest) -> CreatedKeyAnswer:
    """A new secret for the same key, in this answer and nowhere else; the old one goes on for the overlap."""
    key, secret = service.rotate_key(session, principal, key_id, overlap_seconds=body.overlap_seconds)
    return CreatedKeyAnswer(**answer(session, key).model_dump(), secret=secret.text)


@router.delete("/{key_id}")
def revoke_key(session: DbSession, principal: Writes, key_id: str) -> KeyAnswer:
    """Revoke a key. Gateways refuse it within two seconds."""
    return answer(session, service.revoke_key(session, principal, key_id))


@organization.get("")
def list_project_api_keys(
    session: DbSession,
    principal: Reads,
    project_id: str,
    after: After = None,
    limit: Limit = 20,
    owner_project_access: Access = "any",
) -> ListAnswer[ProjectKeyAnswer]:
    project = find_project(session, principal, project_id)
    access = None if owner_project_access == "any" else owner_project_access == "active"
    query = page_query("key", after=after, limit=limit)
    page = repository.project_keys_page(session, query, project_id=project.id, access=access)
    return list_answer(project_keys.answers(session, page.rows, project_id=project.id), has_more=page.has_more)


@organization.get("/{key_id}")
def get_project_api_key(session: DbSession, principal: Reads, project_id: str, key_id: str) -> ProjectKeyAnswer:
    return project_key_answer(session, find_in_project(session, principal, project_id, key_id))


@organization.post("/{key_id}")
def modify_project_api_key(
    session: DbSession, principal: Writes, project_id: str, key_id: str, body: ProjectKeyPatch
) -> ProjectKeyAnswer:
    find_in_project(session, principal, project_id, key_id)
    fields: dict[str, object] = {}
    if body.scopes is not None:
        fields["scopes"] = body.scopes
    if body.expires_in_seconds is not None:
        fields["expires_at"] = clock.now() + timedelta(seconds=body.expires_in_seconds)
    key = service.change_key(session, principal, key_id, service.KeyChange(fields=fields))
    return project_key_answer(session, key)


@organization.delete("/{key_id}")
def delete_project_api_key(session: DbSession, principal: Writes, project_id: str, key_id: str) -> DeletedProjectKey:
    """Gateways refuse it within two seconds."""
    find_in_project(session, principal, project_id, key_id)
    service.revoke_key(session, principal, key_id)
    return DeletedProjectKey(id=key_id)


def find_in_project(session: Session, principal: Principal, project_id: str, key_id: str) -> ApiKey:
    """A revoked key is gone, as OpenAI has it."""
    project, key = find_project(session, principal, project_id), service.find_key(session, principal, key_id)
    if key.project_id != project.id or key.revoked_at is not None:
        raise NotFound(f"The project has no key {key_id[:80]!r}.", param="key_id")
    return key


def project_key_answer(session: Session, key: ApiKey) -> ProjectKeyAnswer:
    return project_keys.answers(session, [key], project_id=key.project_id)[0]
