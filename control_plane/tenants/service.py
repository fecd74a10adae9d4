"""The default tenant: what a single-customer box works in without ever naming it."""

from sqlalchemy.orm import Session

from appliance.base.errors import Unavailable
from control_plane.access.domain import SYSTEM, Role
from control_plane.audit.service import record
from control_plane.tenants import repository
from control_plane.tenants.tables import Organization, Project, User

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
        admin = User(organization_id=organization.id, name=ADMIN_NAME, role=Role.OWNER)
        session.add(admin)
        record(session, SYSTEM, "user.create", admin.name)
    session.flush()
    return project, admin
