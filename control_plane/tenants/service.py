"""The default tenant, projects and their members."""

from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import BadRequest, NotFound, Unavailable
from appliance.base.ids import new_uuid, parse_public_id, public_id
from control_plane.access.domain import SYSTEM, Principal, ProjectRole, Role
from control_plane.audit.service import record
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import nudge
from control_plane.tenants import repository
from control_plane.tenants.tables import Organization, Project, ProjectMember, User

ADMIN_NAME = "admin"


def default_project(session: Session) -> Project:
    """The project of everything that names none; raises Unavailable before the first-run rows are there."""
    project = repository.first_project(session)
    if project is None:
        raise Unavailable("The registry is still being set up.", retry_after_seconds=2)
    return project


def ensure_default_tenant(session: Session) -> tuple[Project, User]:
    """The organization, project and admin of the first run; makes only what is missing."""
    organization = repository.first_organization(session)
    if organization is None:
        organization = Organization(name="Default")
        session.add(organization)
        session.flush()
        record(session, SYSTEM, "organization.create", organization.name)
    project = repository.first_project(session)
    if project is None:
        project = Project(organization_id=organization.id, name="Default")
        session.add(project)
        record(session, SYSTEM, "project.create", project.name)
    admin = repository.user_by_login(session, ADMIN_NAME)
    if admin is None:
        admin = User(id=new_uuid(), organization_id=organization.id, name=ADMIN_NAME, role=Role.OWNER)
        session.add(admin)
        record(session, SYSTEM, "user.create", admin.name)
        session.flush()
        session.add(ProjectMember(project_id=project.id, user_id=admin.id, role=ProjectRole.ADMIN))
    session.flush()
    return project, admin


def find_project(session: Session, principal: Principal, public: str) -> Project:
    """Raises NotFound also for a project that the principal cannot see: it does not learn that it is there."""
    key = parse_public_id("proj", public)
    project = repository.project_by_id(session, key) if key else None
    if project is None or not principal.reach.covers(project.id):
        raise NotFound(f"There is no project {public[:80]!r}.", param="project_id")
    return project


def active_project(session: Session, principal: Principal, public: str) -> Project:
    """To change something in it."""
    project = find_project(session, principal, public)
    if project.archived_at is not None:
        raise BadRequest("The project is archived.", param="project_id", code="project_archived")
    return project


def create_project(session: Session, principal: Principal, *, name: str) -> Project:
    """Whoever makes it is its first admin."""
    project = Project(id=new_uuid(), organization_id=default_project(session).organization_id, name=name)
    session.add(project)
    session.flush()
    if principal.user_id is not None:
        session.add(ProjectMember(project_id=project.id, user_id=principal.user_id, role=ProjectRole.ADMIN))
    record(
        session, principal, "project.create", public_id("proj", project.id), after={"name": name}
    ).project_id = project.id
    return project


def rename_project(session: Session, principal: Principal, project: Project, *, name: str) -> Project:
    if name == project.name:
        return project
    target, before = public_id("proj", project.id), {"name": project.name}
    project.name = name
    entry = record(session, principal, "project.update", target, before=before, after={"name": name})
    entry.project_id = project.id
    return project


def archive_project(session: Session, principal: Principal, project: Project) -> Project:
    """Its keys stop, its records stay; again changes nothing. The default project holds what everybody shares."""
    if project.id == default_project(session).id:
        raise BadRequest("The default project cannot be archived.", param="project_id")
    if project.archived_at is None:
        project.archived_at = clock.now()
        entry = record(
            session, principal, "project.archive", public_id("proj", project.id), before={"name": project.name}
        )
        entry.project_id = project.id
        nudge(session, SNAPSHOT)
    return project


def find_member(session: Session, project: Project, public_user: str) -> ProjectMember:
    key = parse_public_id("user", public_user)
    member = repository.member(session, project_id=project.id, user_id=key) if key else None
    if member is None:
        raise NotFound(f"The project has no member {public_user[:80]!r}.", param="user_id")
    return member


def add_member(
    session: Session, principal: Principal, project: Project, user: User, role: ProjectRole
) -> ProjectMember:
    if repository.member(session, project_id=project.id, user_id=user.id) is not None:
        raise BadRequest("The user is a member of this project already.", param="user_id", code="already_a_member")
    member = ProjectMember(project_id=project.id, user_id=user.id, role=role, user=user)
    session.add(member)
    session.flush()
    after = {"project_id": public_id("proj", project.id), "role": role.value}
    record(session, principal, "member.create", public_id("user", user.id), after=after).project_id = project.id
    return member


def give_member_role(session: Session, principal: Principal, member: ProjectMember, role: ProjectRole) -> ProjectMember:
    if role is not member.role:
        before, member.role = {"role": member.role.value}, role
        target, after = public_id("user", member.user_id), {"role": role.value}
        entry = record(session, principal, "member.update", target, before=before, after=after)
        entry.project_id = member.project_id
    return member


def remove_member(session: Session, principal: Principal, member: ProjectMember) -> None:
    """The keys that the user made in this project stop with it."""
    before = {"project_id": public_id("proj", member.project_id), "role": member.role.value}
    entry = record(session, principal, "member.delete", public_id("user", member.user_id), before=before)
    entry.project_id = member.project_id
    session.delete(member)
    nudge(session, SNAPSHOT)


def join_projects(session: Session, user_id: UUID, roles: dict[UUID, ProjectRole]) -> None:
    """For a new user; the entry in the audit log is the user's own."""
    for project_id, role in roles.items():
        session.add(ProjectMember(project_id=project_id, user_id=user_id, role=role))
