"""Queries on tenants."""

from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from control_plane.database.paging import Page, PageQuery, read_page
from control_plane.tenants.tables import Organization, Project, User


def first_organization(session: Session) -> Organization | None:
    return session.scalar(select(Organization).order_by(Organization.id).limit(1))


def first_project(session: Session) -> Project | None:
    """The default project: the oldest one, whatever its name has become."""
    return session.scalar(select(Project).order_by(Project.id).limit(1))


def project_by_id(session: Session, project_id: UUID) -> Project | None:
    return session.get(Project, project_id)


def user_by_id(session: Session, user_id: UUID) -> User | None:
    return session.get(User, user_id)


def user_by_login(session: Session, login: str) -> User | None:
    """By name or e-mail address, whatever the case."""
    wanted = login.strip().lower()
    return session.scalar(select(User).where(or_(User.name == wanted, func.lower(User.email) == wanted)))


def projects_page(session: Session, query: PageQuery, *, include_archived: bool) -> Page[Project]:
    statement = select(Project)
    if not include_archived:
        statement = statement.where(Project.archived_at.is_(None))
    return read_page(session, statement, Project.id, query)


def users_page(session: Session, query: PageQuery) -> Page[User]:
    return read_page(session, select(User), User.id, query)
