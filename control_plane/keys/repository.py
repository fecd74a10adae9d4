"""Queries on API keys, and when they were last used."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from control_plane.access.domain import Reach
from control_plane.access.filters import within
from control_plane.database.paging import Page, PageQuery, read_page
from control_plane.keys.tables import ApiKey, KeyUse
from control_plane.tenants.tables import Project, ProjectMember, ServiceAccount, User, WireRole


def owner_has_access() -> ColumnElement[bool]:
    """Nobody's key, a living service account's, or that of a user who is neither disabled nor removed and who is a
    member of the key's project or reaches every project.
    """
    is_member = exists().where(
        ProjectMember.project_id == ApiKey.project_id, ProjectMember.user_id == ApiKey.user_id
    ).correlate(ApiKey)  # fmt: skip
    living_user = exists().where(
        User.id == ApiKey.user_id,
        User.disabled_at.is_(None),
        User.removed_at.is_(None),
        or_(User.wire_role == WireRole.OWNER, is_member),
    ).correlate(ApiKey)  # fmt: skip
    living_account = exists().where(
        ServiceAccount.id == ApiKey.service_account_id, ServiceAccount.removed_at.is_(None)
    ).correlate(ApiKey)  # fmt: skip
    return and_(
        or_(ApiKey.user_id.is_(None), living_user), or_(ApiKey.service_account_id.is_(None), living_account)
    )  # fmt: skip


def is_live(at: datetime) -> ColumnElement[bool]:
    in_use = exists().where(Project.id == ApiKey.project_id, Project.archived_at.is_(None)).correlate(ApiKey)
    return and_(
        ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > at),
        in_use,
        owner_has_access(),
    )


def live_keys(session: Session, *, at: datetime) -> Sequence[ApiKey]:
    """What the gateway's snapshot holds: neither revoked nor expired, of a project and an owner that are there."""
    return session.scalars(select(ApiKey).where(is_live(at)).order_by(ApiKey.id)).all()


def live_key_by_digest(session: Session, digest: str, *, at: datetime) -> ApiKey | None:
    """By its secret, or by the one before while that lives on."""
    previous = and_(ApiKey.previous_digest == digest, ApiKey.previous_expires_at > at)
    return session.scalar(select(ApiKey).where(or_(ApiKey.digest == digest, previous), is_live(at)))


def keys_page(
    session: Session, query: PageQuery, *, project_id: UUID | None, include_revoked: bool, reach: Reach
) -> Page[ApiKey]:
    statement = select(ApiKey).where(within(ApiKey.project_id, reach))
    if project_id is not None:
        statement = statement.where(ApiKey.project_id == project_id)
    if not include_revoked:
        statement = statement.where(ApiKey.revoked_at.is_(None))
    return read_page(session, statement, ApiKey.id, query)


def project_keys_page(session: Session, query: PageQuery, *, project_id: UUID, access: bool | None) -> Page[ApiKey]:
    """`access`: only keys whose owner has (or has not) access to the project any more."""
    statement = select(ApiKey).where(ApiKey.project_id == project_id, ApiKey.revoked_at.is_(None))
    if access is not None:
        statement = statement.where(owner_has_access() if access else ~owner_has_access())
    return read_page(session, statement, ApiKey.id, query)


def with_access(session: Session, key_ids: Sequence[UUID]) -> set[UUID]:
    return set(session.scalars(select(ApiKey.id).where(ApiKey.id.in_(key_ids), owner_has_access())))


def key_by_id(session: Session, key_id: UUID) -> ApiKey | None:
    return session.get(ApiKey, key_id)


def locked_key(session: Session, key_id: UUID) -> ApiKey | None:
    statement = select(ApiKey).where(ApiKey.id == key_id).with_for_update()
    return session.scalar(statement.execution_options(populate_existing=True))


def key_by_display_id(session: Session, display_id: str) -> ApiKey | None:
    return session.scalar(select(ApiKey).where(ApiKey.display_id == display_id))


def keys_of_account(session: Session, account_id: UUID) -> Sequence[ApiKey]:
    return session.scalars(
        select(ApiKey).where(ApiKey.service_account_id == account_id, ApiKey.revoked_at.is_(None))
    ).all()


def last_uses(session: Session, key_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    rows = session.execute(select(KeyUse.key_id, KeyUse.last_used_at).where(KeyUse.key_id.in_(key_ids)))
    return dict(rows.all())


def note_uses(session: Session, uses: Mapping[UUID, datetime]) -> None:
    """Never back in time. Sorted, so that two batches do not wait for each other; unknown keys are passed over."""
    known = session.scalars(select(ApiKey.id).where(ApiKey.id.in_(uses)).order_by(ApiKey.id)).all()
    if not known:
        return
    made = insert(KeyUse).values([{"key_id": key_id, "last_used_at": uses[key_id]} for key_id in known])
    later = func.greatest(KeyUse.last_used_at, made.excluded.last_used_at)
    session.execute(made.on_conflict_do_update(index_elements=["key_id"], set_={"last_used_at": later}))


def users_by_id(session: Session, user_ids: Sequence[UUID]) -> dict[UUID, User]:
    return {user.id: user for user in session.scalars(select(User).where(User.id.in_(user_ids)))}


def accounts_by_id(session: Session, account_ids: Sequence[UUID]) -> dict[UUID, ServiceAccount]:
    statement = select(ServiceAccount).where(ServiceAccount.id.in_(account_ids))
    return {account.id: account for account in session.scalars(statement)}


def member_roles(session: Session, *, project_id: UUID, user_ids: Sequence[UUID]) -> dict[UUID, str]:
    statement = select(ProjectMember.user_id, ProjectMember.role)
    rows = session.execute(
        statement.where(ProjectMember.project_id == project_id, ProjectMember.user_id.in_(user_ids))
    )  # fmt: skip
    return {user_id: role.value for user_id, role in rows}
