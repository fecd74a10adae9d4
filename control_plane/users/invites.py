"""Invites: a token that is shown once, handed over by a person, and good for one new user."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import BadRequest, NotFound, Unauthenticated
from appliance.base.ids import new_secret, new_uuid, parse_public_id, public_id
from control_plane.access.domain import Credentials, Principal, PrincipalKind, ProjectRole, Role, Via
from control_plane.audit.service import record
from control_plane.sessions import passwords
from control_plane.sessions.domain import check_new_password, digest
from control_plane.tenants.repository import user_by_login
from control_plane.tenants.service import active_project, default_project, join_projects
from control_plane.tenants.tables import User
from control_plane.users import repository
from control_plane.users.service import EMAIL, add_user, default_project_role, require_power_over, shown
from control_plane.users.tables import Invite

PREFIX = "inv-"
LIFETIME = timedelta(days=7)


def create_invite(
    session: Session, principal: Principal, *, email: str, role: Role, projects: dict[str, ProjectRole] | None
) -> tuple[Invite, str]:
    """The row, and the token for the one answer that shows it. Without `projects` it is the default project."""
    require_power_over(principal, role)
    if not EMAIL.fullmatch(email):
        raise BadRequest("That is no e-mail address.", param="email")
    if user_by_login(session, email) is not None:
        raise BadRequest(f"There is a user {email!r} already.", param="email", code="already_exists")
    if projects is None:
        projects = {public_id("proj", default_project(session).id): default_project_role(role)}
    granted = [
        {"id": public_id("proj", active_project(session, principal, public).id), "role": project_role.value}
        for public, project_role in projects.items()
    ]
    token = f"{PREFIX}{new_secret(32)}"
    invite = Invite(
        id=new_uuid(),
        organization_id=default_project(session).organization_id,
        email=email,
        role=role,
        projects=granted,
        token_digest=digest(token),
        expires_at=clock.now() + LIFETIME,
    )
    session.add(invite)
    after: dict[str, Any] = {"email": email, "role": role.value, "projects": granted}
    record(session, principal, "invite.create", public_id("invite", invite.id), after=after)
    session.flush()
    return invite, token


def find(session: Session, public: str) -> Invite:
    key = parse_public_id("invite", public)
    invite = repository.invite_by_id(session, key) if key else None
    if invite is None:
        raise NotFound(f"There is no invite {public[:80]!r}.", param="invite_id")
    return invite


def delete_invite(session: Session, principal: Principal, public: str) -> None:
    invite = find(session, public)
    if invite.accepted_at is not None:
        raise BadRequest("The invite was accepted already; remove the user instead.", code="invite_accepted")
    record(session, principal, "invite.delete", public, before={"email": invite.email, "role": invite.role.value})
    session.delete(invite)


def authenticate(session: Session, credentials: Credentials) -> Principal | None:
    """The bearer of an open invite, who may accept it and nothing else."""
    if credentials.bearer is None or not credentials.bearer.startswith(PREFIX):
        return None
    invite = repository.open_invite(session, digest(credentials.bearer), at=clock.now())
    if invite is None:
        return None
    return Principal(
        kind=PrincipalKind.USER,
        name=invite.email,
        via=Via.INVITE,
        proof_id=public_id("invite", invite.id),
        request_id=credentials.request_id,
        address=credentials.address,
    )


def accept(session: Session, principal: Principal, *, name: str | None, password: str) -> User:
    """The new user, with the invite's role and projects. Projects that were archived since are left out."""
    invite = find(session, principal.proof_id or "")
    if invite.accepted_at is not None:
        raise Unauthenticated("This invite was accepted already.")
    wanted = name or invite.email
    check_new_password(password, name=wanted)
    user = add_user(session, name=wanted, email=invite.email, role=invite.role)
    granted = {parse_public_id("proj", each["id"]): ProjectRole(each["role"]) for each in invite.projects}
    join_projects(session, user.id, {key: role for key, role in granted.items() if key is not None})
    passwords.set_password(session, user.id, password, must_change=False)
    invite.accepted_at = clock.now()
    record(session, principal, "invite.accept", public_id("invite", invite.id), after=shown(user))
    return user
