"""Queries on licences, their seats and the clock's mark. Leases are timed by the database's clock."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from control_plane.licences.tables import AppliedLicence, CardSeat, ClockMark, RevocationList, VendorRoot

ONLY_ROW = 1


def roots(session: Session) -> Sequence[VendorRoot]:
    return session.scalars(select(VendorRoot).order_by(VendorRoot.id)).all()


def root_by_fingerprint(session: Session, fingerprint: str) -> VendorRoot | None:
    return session.scalar(select(VendorRoot).where(VendorRoot.fingerprint == fingerprint))


def licences(session: Session) -> Sequence[AppliedLicence]:
    return session.scalars(select(AppliedLicence).order_by(AppliedLicence.id)).all()


def licence_by_name(session: Session, licence_id: str) -> AppliedLicence | None:
    return session.scalar(select(AppliedLicence).where(AppliedLicence.licence_id == licence_id))


def locked_licence(session: Session, key: UUID) -> AppliedLicence | None:
    """The licence, locked until the transaction ends: all who want its seats stand in this line."""
    return session.scalar(
        select(AppliedLicence)
        .where(AppliedLicence.id == key)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def revocation_lists(session: Session) -> Sequence[RevocationList]:
    return session.scalars(select(RevocationList).order_by(RevocationList.id)).all()


def locked_list(session: Session, root_id: UUID) -> RevocationList | None:
    """The root's list; the root's row is locked, so that two lists that come at once are compared one after another."""
    session.execute(select(VendorRoot.id).where(VendorRoot.id == root_id).with_for_update())
    return session.scalar(
        select(RevocationList).where(RevocationList.root_id == root_id).execution_options(populate_existing=True)
    )


def live_seats(session: Session, key: UUID) -> Sequence[CardSeat]:
    statement = select(CardSeat).where(CardSeat.applied_licence_id == key)
    return session.scalars(
        statement.where(CardSeat.lease_expires_at > func.clock_timestamp()).order_by(CardSeat.id)
    ).all()


def seats_of(session: Session, holder: str) -> Sequence[CardSeat]:
    statement = select(CardSeat).where(CardSeat.holder == holder)
    return session.scalars(
        statement.where(CardSeat.lease_expires_at > func.clock_timestamp()).order_by(CardSeat.id)
    ).all()


def put_seats(
    session: Session,
    key: UUID,
    *,
    holder: str,
    fence: int,
    cards: Collection[tuple[str, str]],
    lease_seconds: float,
) -> None:
    """The holder's seats are these and no others; expired ones of anybody go."""
    mine = CardSeat.holder == holder
    expired = CardSeat.lease_expires_at <= func.clock_timestamp()
    session.execute(delete(CardSeat).where(CardSeat.applied_licence_id == key, mine | expired))
    ends = func.clock_timestamp() + timedelta(seconds=lease_seconds)
    for node_id, card_key in sorted(cards):
        session.execute(
            insert(CardSeat).values(
                applied_licence_id=key,
                node_id=node_id,
                card_key=card_key,
                holder=holder,
                fence=fence,
                lease_expires_at=ends,
            )
        )


def extend_seats(session: Session, key: UUID, *, holder: str, fence: int, lease_seconds: float) -> int:
    """How many were extended: none where the fence is void or the lease has run out."""
    statement = (
        update(CardSeat)
        .where(
            CardSeat.applied_licence_id == key,
            CardSeat.holder == holder,
            CardSeat.fence == fence,
            CardSeat.lease_expires_at > func.clock_timestamp(),
        )
        .values(lease_expires_at=func.clock_timestamp() + timedelta(seconds=lease_seconds))
        .returning(CardSeat.id)
    )
    return len(session.scalars(statement).all())


def remove_seats(session: Session, key: UUID, *, holder: str, fence: int) -> int:
    statement = delete(CardSeat).where(
        CardSeat.applied_licence_id == key, CardSeat.holder == holder, CardSeat.fence == fence
    )
    return len(session.scalars(statement.returning(CardSeat.id)).all())


def sweep_seats(session: Session) -> int:
    statement = delete(CardSeat).where(CardSeat.lease_expires_at <= func.clock_timestamp())
    return len(session.scalars(statement.returning(CardSeat.id)).all())


def read_mark(session: Session) -> datetime | None:
    return session.scalar(select(ClockMark.highest_at).where(ClockMark.id == ONLY_ROW))


def raise_mark(session: Session, mark: datetime) -> None:
    """Only ever higher, whoever else writes at the same moment."""
    fresh = insert(ClockMark).values(id=ONLY_ROW, highest_at=mark)
    session.execute(
        fresh.on_conflict_do_update(
            index_elements=["id"], set_={"highest_at": func.greatest(ClockMark.highest_at, fresh.excluded.highest_at)}
        )
    )


def set_mark(session: Session, mark: datetime) -> None:
    """Lower too: a licence said so."""
    fresh = insert(ClockMark).values(id=ONLY_ROW, highest_at=mark)
    session.execute(fresh.on_conflict_do_update(index_elements=["id"], set_={"highest_at": mark}))
