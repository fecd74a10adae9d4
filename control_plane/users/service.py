"""Add, change, disable and remove users.

Only an owner touches an owner; there is always one owner left; and the box's own admin stays, as the command line acts
in its name and is the way in when all else is lost.
"""

import re
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import BadRequest, Forbidden, NotFound
from appliance.base.ids import new_uuid, parse_public_id, public_id
from control_plane.access.domain import Principal, ProjectRole, Role
from control_plane.access.policy import may_give
from control_plane.audit.service import record
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import nudge
from control_plane.sessions import passwords
from control_plane.sessions.domain import one_time_password
from control_plane.sessions.repository import delete_sessions_of
from control_plane.tenants import repository as tenants
from control_plane.tenants.service import ADMIN_NAME, default_project, join_projects
from control_plane.tenants.tables import User, WireRole

NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,199}")
EMAIL = re.compile(r"[^@\s]{1,200}@[^@\s]{1,100}")


def find_user(session: Session, public: str) -> User:
    key = parse_public_id("user", public)
    user = tenants.user_by_id(session, key) if key else None
    if user is None:
        raise NotFound(f"There is no user {public[:80]!r}.", param="user_id")
    return user


def require_power_over(principal: Principal, role: Role) -> None:
    if not may_give(principal.role, role):
        raise Forbidden(
            f"Your role does not let you give or touch the role {role.value}.", hint="Ask an owner.", param="role"
        )


def create_user(
    session: Session, principal: Principal, *, name: str, email: str | None, role: Role
) -> tuple[User, str]:
    """The user, a member of the default project, and a one-time password to pass on."""
    require_power_over(principal, role)
    user = add_user(session, name=name, email=email, role=role)
    project = default_project(session)
    join_projects(session, user.id, {project.id: default_project_role(role)})
    password = one_time_password()
    passwords.set_password(session, user.id, password, must_change=True)
    record(session, principal, "user.create", public_id("user", user.id), after=shown(user))
    return user, password


def default_project_role(role: Role) -> ProjectRole:
    if role in (Role.OWNER, Role.ADMIN):
        return ProjectRole.ADMIN
    return ProjectRole.DEVELOPER if role in (Role.OPERATOR, Role.DEVELOPER) else ProjectRole.VIEWER


def add_user(session: Session, *, name: str, email: str | None, role: Role) -> User:
    """The row alone; raises BadRequest for a name or an address that is taken or none."""
    wanted = name.strip().lower()
    if not NAME.fullmatch(wanted):
        raise BadRequest("A name is made of letters, digits and . _ @ + - and is not empty.", param="name")
    if email is not None and not EMAIL.fullmatch(email):
        raise BadRequest("That is no e-mail address.", param="email")
    for param, text in (("name", wanted), ("email", email)):
        if text is not None and tenants.user_by_login(session, text) is not None:
            raise BadRequest(f"There is a user {text!r} already.", param=param, code="already_exists")
    organization_id = default_project(session).organization_id
    user = User(id=new_uuid(), organization_id=organization_id, name=wanted, email=email, role=role)
    session.add(user)
    session.flush()
    return user


def change_user(
    session: Session, principal: Principal, user: User, *, role: Role | None, disabled: bool | None
) -> User:
    """What is None stays. A disabled user's sessions end now, the keys within two seconds."""
    require_power_over(principal, user.role)
    before = shown(user)
    if role is not None and role is not user.role:
        require_power_over(principal, role)
        keep_an_owner(session, user, is_going=role is not Role.OWNER)
        user.organization_role = role
    if disabled is not None and disabled is not (user.disabled_at is not None):
        keep_an_owner(session, user, is_going=disabled)
        user.disabled_at = clock.now() if disabled else None
        if disabled:
            delete_sessions_of(session, user.id, but_digest=None)
    if shown(user) != before:
        record(session, principal, "user.update", public_id("user", user.id), before=before, after=shown(user))
        nudge(session, SNAPSHOT)
    session.flush()
    return user


def remove_user(session: Session, principal: Principal, user: User) -> None:
    """What the user made stays; the user's own keys stop, service accounts go on. The name is free again."""
    require_power_over(principal, user.role)
    keep_an_owner(session, user, is_going=True)
    record(session, principal, "user.delete", public_id("user", user.id), before=shown(user))
    delete_sessions_of(session, user.id, but_digest=None)
    tenants.forget_memberships(session, user.id)
    user.name, user.email = f"removed-{user.id.hex}", None
    user.removed_at = user.disabled_at = clock.now()
    nudge(session, SNAPSHOT)


def keep_an_owner(session: Session, user: User, *, is_going: bool) -> None:
    """Raises BadRequest where nobody would be left to undo it."""
    if not is_going:
        return
    if user.name == ADMIN_NAME:
        raise BadRequest(
            "The box's own admin stays an owner: the command line acts in its name.",
            hint="Change its password where nobody shall log in with it.",
            code="builtin_admin",
        )
    owners = [one.id for one in tenants.users_with_role(session, wire_role=WireRole.OWNER) if one.role is Role.OWNER]
    if owners == [user.id]:
        raise BadRequest("This is the last owner.", hint="Make somebody else an owner first.", code="last_owner")


def reset_password(session: Session, principal: Principal, user: User) -> str:
    require_power_over(principal, user.role)
    return passwords.reset_password(session, principal, user)


def roles_of(session: Session, user_id: UUID) -> dict[str, ProjectRole]:
    return {public_id("proj", project): role for project, role in tenants.memberships(session, user_id).items()}


def shown(user: User) -> dict[str, object]:
    """For the audit log."""
    return {
        "name": user.name,
        "email": user.email,
        "role": user.role.value,
        "disabled": user.disabled_at is not None,
    }
