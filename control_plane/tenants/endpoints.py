"""`/v1/organization/projects` and their users, in the shape of OpenAI's admin API."""

from typing import Annotated

from fastapi import APIRouter

from appliance.base.errors import BadRequest, NotFound
from appliance.base.ids import parse_public_id
from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.tenants import repository, service
from control_plane.tenants.schemas import (
    DeletedMember,
    MemberAnswer,
    MemberPatch,
    MemberRequest,
    ProjectAnswer,
    ProjectRequest,
    member_answer,
    project_answer,
    project_role,
)

router = APIRouter(prefix="/v1/organization/projects", tags=["organization"])

Reads = Annotated[Principal, needs(Permission.PROJECTS_READ)]
Creates = Annotated[Principal, needs(Permission.PROJECTS_CREATE)]
Writes = Annotated[Principal, needs(Permission.PROJECTS_WRITE)]
ReadsMembers = Annotated[Principal, needs(Permission.MEMBERS_READ)]
WritesMembers = Annotated[Principal, needs(Permission.MEMBERS_WRITE)]


@router.get("")
def list_projects(
    session: DbSession, principal: Reads, after: After = None, limit: Limit = 20, include_archived: bool = False
) -> ListAnswer[ProjectAnswer]:
    """Those of which one is a member; all for roles that reach everywhere."""
    query = page_query("proj", after=after, limit=limit)
    page = repository.projects_page(session, query, include_archived=include_archived, reach=principal.reach)
    return list_answer([project_answer(project) for project in page.rows], has_more=page.has_more)


@router.post("")
def create_project(session: DbSession, principal: Creates, body: ProjectRequest) -> ProjectAnswer:
    return project_answer(service.create_project(session, principal, name=body.name))


@router.get("/{project_id}")
def get_project(session: DbSession, principal: Reads, project_id: str) -> ProjectAnswer:
    return project_answer(service.find_project(session, principal, project_id))


@router.post("/{project_id}")
def modify_project(session: DbSession, principal: Writes, project_id: str, body: ProjectRequest) -> ProjectAnswer:
    project = service.active_project(session, principal, project_id)
    return project_answer(service.rename_project(session, principal, project, name=body.name))


@router.post("/{project_id}/archive")
def archive_project(session: DbSession, principal: Creates, project_id: str) -> ProjectAnswer:
    """Its keys stop within two seconds; it cannot be taken back."""
    project = service.find_project(session, principal, project_id)
    return project_answer(service.archive_project(session, principal, project))


@router.get("/{project_id}/users")
def list_project_users(
    session: DbSession, principal: ReadsMembers, project_id: str, after: After = None, limit: Limit = 20
) -> ListAnswer[MemberAnswer]:
    project = service.find_project(session, principal, project_id)
    page = repository.members_page(session, page_query("user", after=after, limit=limit), project_id=project.id)
    return list_answer([member_answer(member) for member in page.rows], has_more=page.has_more)


@router.post("/{project_id}/users")
def create_project_user(
    session: DbSession, principal: WritesMembers, project_id: str, body: MemberRequest
) -> MemberAnswer:
    project = service.active_project(session, principal, project_id)
    role = project_role(body.role)
    if (body.user_id is None) == (body.email is None):
        raise BadRequest("Give either `user_id` or `email`.", param="user_id")
    key = parse_public_id("user", body.user_id) if body.user_id else None
    found = repository.user_by_id(session, key) if key else None
    user = repository.user_by_login(session, body.email) if body.email else found
    if user is None:
        raise NotFound("There is no such user in the organization.", param="email" if body.email else "user_id")
    return member_answer(service.add_member(session, principal, project, user, role))


@router.get("/{project_id}/users/{user_id}")
def get_project_user(session: DbSession, principal: ReadsMembers, project_id: str, user_id: str) -> MemberAnswer:
    project = service.find_project(session, principal, project_id)
    return member_answer(service.find_member(session, project, user_id))


@router.post("/{project_id}/users/{user_id}")
def modify_project_user(
    session: DbSession, principal: WritesMembers, project_id: str, user_id: str, body: MemberPatch
) -> MemberAnswer:
    member = service.find_member(session, service.active_project(session, principal, project_id), user_id)
    return member_answer(service.give_member_role(session, principal, member, project_role(body.role)))


@router.delete("/{project_id}/users/{user_id}")
def delete_project_user(session: DbSession, principal: WritesMembers, project_id: str, user_id: str) -> DeletedMember:
    member = service.find_member(session, service.find_project(session, principal, project_id), user_id)
    service.remove_member(session, principal, member)
    return DeletedMember(id=user_id)
