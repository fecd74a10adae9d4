"""`/v1/organization/users` and `/invites` in the shape of OpenAI's admin API; `/api/v1/users` for what it has not."""

from typing import Annotated

from fastapi import APIRouter, Query

from appliance.base import clock
from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.sessions.repository import sessions_page
from control_plane.sessions.schemas import LoginSessionAnswer, login_session_answer
from control_plane.sessions.service import end_sessions_of
from control_plane.tenants import repository as tenants
from control_plane.users import invites, repository, service
from control_plane.users.schemas import (
    AcceptRequest,
    CreatedInvite,
    DeletedInvite,
    DeletedUser,
    InviteAnswer,
    InviteRequest,
    NewUserRequest,
    OneTimePassword,
    SessionsEnded,
    UserAnswer,
    UserPatch,
    UserRoleRequest,
    asked_projects,
    asked_role,
    invite_answer,
    user_answer,
)

organization = APIRouter(prefix="/v1/organization", tags=["organization"])
router = APIRouter(prefix="/api/v1", tags=["users"])

Reads = Annotated[Principal, needs(Permission.USERS_READ)]
Writes = Annotated[Principal, needs(Permission.USERS_WRITE)]
Invited = Annotated[Principal, needs(Permission.INVITE_ACCEPT)]
Emails = Annotated[list[str] | None, Query(alias="emails[]", max_length=100, description="Only users with these.")]


@organization.get("/users")
def list_users(
    session: DbSession, _: Reads, after: After = None, limit: Limit = 20, emails: Emails = None
) -> ListAnswer[UserAnswer]:
    page = tenants.users_page(session, page_query("user", after=after, limit=limit), emails=emails or ())
    return list_answer([user_answer(user) for user in page.rows], has_more=page.has_more)


@organization.get("/users/{user_id}")
def get_user(session: DbSession, _: Reads, user_id: str) -> UserAnswer:
    return user_answer(service.find_user(session, user_id))


@organization.post("/users/{user_id}")
def modify_user(session: DbSession, principal: Writes, user_id: str, body: UserRoleRequest) -> UserAnswer:
    user = service.find_user(session, user_id)
    role = asked_role(body.role, today=user.role) if body.role is not None else None
    return user_answer(service.change_user(session, principal, user, role=role, disabled=None))


@organization.delete("/users/{user_id}")
def delete_user(session: DbSession, principal: Writes, user_id: str) -> DeletedUser:
    """The user's keys stop, what the user made stays, service accounts go on."""
    service.remove_user(session, principal, service.find_user(session, user_id))
    return DeletedUser(id=user_id)


@organization.get("/invites")
def list_invites(session: DbSession, _: Reads, after: After = None, limit: Limit = 20) -> ListAnswer[InviteAnswer]:
    page = repository.invites_page(session, page_query("invite", after=after, limit=limit))
    now = clock.now()
    return list_answer([invite_answer(invite, now=now) for invite in page.rows], has_more=page.has_more)


@organization.post("/invites")
def create_invite(session: DbSession, principal: Writes, body: InviteRequest) -> CreatedInvite:
    """The box sends no mail: hand `x_token` over yourself. It is good for seven days and one user."""
    invite, token = invites.create_invite(
        session, principal, email=body.email, role=asked_role(body.role), projects=asked_projects(body.projects)
    )
    return CreatedInvite(**invite_answer(invite, now=clock.now()).model_dump(), x_token=token)


@organization.get("/invites/{invite_id}")
def get_invite(session: DbSession, _: Reads, invite_id: str) -> InviteAnswer:
    return invite_answer(invites.find(session, invite_id), now=clock.now())


@organization.delete("/invites/{invite_id}")
def delete_invite(session: DbSession, principal: Writes, invite_id: str) -> DeletedInvite:
    invites.delete_invite(session, principal, invite_id)
    return DeletedInvite(id=invite_id)


@router.post("/invites/accept", status_code=201)
def accept_invite(session: DbSession, principal: Invited, body: AcceptRequest) -> UserAnswer:
    """With the invite's token as bearer: become a user. Log in with the name and the password afterwards."""
    return user_answer(invites.accept(session, principal, name=body.name, password=body.password))


@router.post("/users", status_code=201)
def create_user(session: DbSession, principal: Writes, body: NewUserRequest) -> OneTimePassword:
    user, password = service.create_user(session, principal, name=body.name, email=body.email, role=body.role)
    return OneTimePassword(user=user_answer(user), password=password)


@router.patch("/users/{user_id}")
def change_user(session: DbSession, principal: Writes, user_id: str, body: UserPatch) -> UserAnswer:
    """Disabling ends the user's sessions at once, and the user's keys within two seconds."""
    user = service.find_user(session, user_id)
    return user_answer(service.change_user(session, principal, user, role=body.role, disabled=body.disabled))


@router.post("/users/{user_id}/password")
def reset_password(session: DbSession, principal: Writes, user_id: str) -> OneTimePassword:
    """A one-time password; every session of the user ends, and a lock for wrong passwords is lifted."""
    user = service.find_user(session, user_id)
    return OneTimePassword(user=user_answer(user), password=service.reset_password(session, principal, user))


@router.get("/users/{user_id}/sessions")
def list_user_sessions(
    session: DbSession, principal: Reads, user_id: str, after: After = None, limit: Limit = 20
) -> ListAnswer[LoginSessionAnswer]:
    user = service.find_user(session, user_id)
    page = sessions_page(session, page_query("login", after=after, limit=limit), user_id=user.id, at=clock.now())
    rows = [login_session_answer(row, current=principal.proof_id) for row in page.rows]
    return list_answer(rows, has_more=page.has_more)


@router.delete("/users/{user_id}/sessions")
def end_user_sessions(session: DbSession, principal: Writes, user_id: str) -> SessionsEnded:
    """Log the user out everywhere."""
    user = service.find_user(session, user_id)
    service.require_power_over(principal, user.role)
    return SessionsEnded(ended=end_sessions_of(session, principal, user.id))
