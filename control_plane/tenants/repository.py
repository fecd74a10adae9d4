"""Queries on tenants."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from control_plane.access.domain import ProjectRole, Reach
from control_plane.access.filters import within
from control_plane.database.paging import Page, PageQuery, read_page
from control_plane.tenants.tables import Organization, Project, ProjectMember, ServiceAccount, User


def first_organization(session: Session) -> Organization | None:
    return session.scalar(select(Organization).order_by(Organization.id).limit(1))


def first_project(session: Session) -> Project | None:
    """The default project: the oldest one, whatever its name has become."""
    return session.scalar(select(Project).order_by(Project.id).limit(1))


def project_by_id(session: Session, project_id: UUID) -> Project | None:
    return session.get(Project, project_id)


def user_by_id(session: Session, user_id: UUID) -> User | None:
    """None for one who was removed."""
    return session.scalar(select(User).where(User.id == user_id, User.removed_at.is_(None)))


def user_by_login(session: Session, login: str) -> User | None:
    """By name or e-mail address, whatever the case."""
    wanted = login.strip().lower()
    statement = select(User).where(or_(User.name == wanted, func.lower(User.email) == wanted))
    return session.scalar(statement.where(User.removed_at.is_(None)).order_by(User.name != wanted).limit(1))


def projects_page(session: Session, query: PageQuery, *, include_archived: bool, reach: Reach) -> Page[Project]:
    statement = select(Project).where(within(Project.id, reach))
    if not include_archived:
        statement = statement.where(Project.archived_at.is_(None))
    return read_page(session, statement, Project.id, query)


def users_page(session: Session, query: PageQuery, *, emails: Sequence[str] = ()) -> Page[User]:
    statement = select(User).where(User.removed_at.is_(None))
    if emails:
        statement = statement.where(func.lower(User.email).in_([email.lower() for email in emails]))
    return read_page(session, statement, User.id, query)


def users_with_role(session: Session, *, wire_role: str) -> Sequence[User]:
    """Living ones, locked, so that the last owner cannot go twice at once."""
    statement = select(User).where(User.wire_role == wire_role, User.removed_at.is_(None), User.disabled_at.is_(None))
    return session.scalars(statement.order_by(User.id).with_for_update()).all()


def memberships(session: Session, user_id: UUID) -> dict[UUID, ProjectRole]:
    """Of projects that are not archived."""
    statement = (
        select(ProjectMember.project_id, ProjectMember.role)
        .join(Project, Project.id == ProjectMember.project_id)
        .where(ProjectMember.user_id == user_id, Project.archived_at.is_(None))
    )
    return dict(session.execute(statement).all())


def members_page(session: Session, query: PageQuery, *, project_id: UUID) -> Page[ProjectMember]:
    """By user; `after` is a user's key."""
    statement = (
        select(ProjectMember).join(ProjectMember.user).where(ProjectMember.project_id == project_id)
    ).where(User.removed_at.is_(None))  # fmt: skip
    return read_page(session, statement, ProjectMember.user_id, query)


def member(session: Session, *, project_id: UUID, user_id: UUID) -> ProjectMember | None:
    statement = select(ProjectMember).join(ProjectMember.user).where(User.removed_at.is_(None))
    return session.scalar(
        statement.where(ProjectMember.project_id == project_id, ProjectMember.user_id == user_id)
    )  # fmt: skip


def forget_memberships(session: Session, user_id: UUID) -> None:
    session.execute(delete(ProjectMember).where(ProjectMember.user_id == user_id))


def service_account(session: Session, account_id: UUID) -> ServiceAccount | None:
    statement = select(ServiceAccount).where(ServiceAccount.id == account_id, ServiceAccount.removed_at.is_(None))
    return session.scalar(statement)


def service_accounts_page(session: Session, query: PageQuery, *, project_id: UUID) -> Page[ServiceAccount]:
    statement = select(ServiceAccount).where(
        ServiceAccount.project_id == project_id, ServiceAccount.removed_at.is_(None)
    )
    return read_page(session, statement, ServiceAccount.id, query)
