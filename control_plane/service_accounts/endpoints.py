"""`/v1/organization/projects/{project_id}/service_accounts`, in the shape of OpenAI's admin API."""

from typing import Annotated

from fastapi import APIRouter

from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal, ProjectRole
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.service_accounts import service
from control_plane.service_accounts.schemas import (
    AccountAnswer,
    AccountKey,
    AccountKeyRequest,
    AccountPatch,
    AccountRequest,
    CreatedAccount,
    DeletedAccount,
    account_answer,
    account_key,
    in_seconds,
)
from control_plane.tenants.repository import service_accounts_page
from control_plane.tenants.schemas import project_role
from control_plane.tenants.service import active_project, find_project

router = APIRouter(prefix="/v1/organization/projects/{project_id}/service_accounts", tags=["organization"])

Reads = Annotated[Principal, needs(Permission.SERVICE_ACCOUNTS_READ)]
Writes = Annotated[Principal, needs(Permission.SERVICE_ACCOUNTS_WRITE)]


@router.get("")
def list_service_accounts(
    session: DbSession, principal: Reads, project_id: str, after: After = None, limit: Limit = 20
) -> ListAnswer[AccountAnswer]:
    project = find_project(session, principal, project_id)
    page = service_accounts_page(session, page_query("svc", after=after, limit=limit), project_id=project.id)
    return list_answer([account_answer(account) for account in page.rows], has_more=page.has_more)


@router.post("")
def create_service_account(
    session: DbSession, principal: Writes, project_id: str, body: AccountRequest
) -> CreatedAccount:
    """With a first key, whose secret is in this answer and nowhere else."""
    project, alone = active_project(session, principal, project_id), bool(body.create_service_account_only)
    role = None if alone else ProjectRole.DEVELOPER
    account = service.create(session, principal, project, name=body.name, role=role)
    made = None
    if not alone:
        expires_at = in_seconds(body.expires_in_seconds)
        made = account_key(*service.make_key(session, principal, account, expires_at=expires_at))
    return CreatedAccount(**account_answer(account).model_dump(), api_key=made)


@router.get("/{service_account_id}")
def get_service_account(
    session: DbSession, principal: Reads, project_id: str, service_account_id: str
) -> AccountAnswer:
    return account_answer(service.find(session, find_project(session, principal, project_id), service_account_id))


@router.post("/{service_account_id}")
def modify_service_account(
    session: DbSession, principal: Writes, project_id: str, service_account_id: str, body: AccountPatch
) -> AccountAnswer:
    account = service.find(session, active_project(session, principal, project_id), service_account_id)
    role = project_role(body.role) if body.role is not None else None
    return account_answer(service.change(session, principal, account, name=body.name, role=role))


@router.delete("/{service_account_id}")
def delete_service_account(
    session: DbSession, principal: Writes, project_id: str, service_account_id: str
) -> DeletedAccount:
    """Its keys stop within two seconds."""
    account = service.find(session, find_project(session, principal, project_id), service_account_id)
    service.remove(session, principal, account)
    return DeletedAccount(id=service_account_id)


@router.post("/{service_account_id}/api_keys")
def create_service_account_key(
    session: DbSession, principal: Writes, project_id: str, service_account_id: str, body: AccountKeyRequest
) -> AccountKey:
    """A further key; its secret is in this answer and nowhere else."""
    account = service.find(session, active_project(session, principal, project_id), service_account_id)
    expires_at = in_seconds(body.expires_in_seconds)
    made = service.make_key(
        session, principal, account, name=body.name, scopes=body.scopes, expires_at=expires_at
    )  # fmt: skip
    return account_key(*made)
