"""Tables of licences. Signed files are kept byte by byte; what is beside them was read from them or observed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from appliance.licences.standing import LicenceState
from control_plane.database.base import Base, Row, text_enum


class VendorRoot(Row, Base):
    """A vendor whom an admin trusts. `fingerprint` is the SHA-256 of its public key."""

    __tablename__ = "vendor_roots"

    fingerprint: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    document: Mapped[bytes] = mapped_column(LargeBinary)


class AppliedLicence(Row, Base):
    """`licence_id` is the vendor's. `fence` rises with each lease of its seats; `warned_days`: the last warning."""

    __tablename__ = "licences"

    licence_id: Mapped[str] = mapped_column(unique=True)
    root_id: Mapped[UUID] = mapped_column(ForeignKey("vendor_roots.id"), index=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    customer: Mapped[str]
    max_cards: Mapped[int]
    max_nodes: Mapped[int]
    not_after: Mapped[datetime]
    fence: Mapped[int] = mapped_column(default=0)
    observed_state: Mapped[LicenceState | None] = mapped_column(text_enum(LicenceState))
    observed_reason: Mapped[str | None]
    observed_at: Mapped[datetime | None]
    warned_days: Mapped[int | None]


class RevocationList(Row, Base):
    """The newest of each root; its epoch never falls."""

    __tablename__ = "revocation_lists"

    root_id: Mapped[UUID] = mapped_column(ForeignKey("vendor_roots.id"), unique=True)
    epoch: Mapped[int]
    document: Mapped[bytes] = mapped_column(LargeBinary)


class CardSeat(Row, Base):
    """One card that one holder (a placement) uses under a licence, for as long as the lease is renewed.

    Several holders on one card take one seat. Node and card are plain names: a seat outlives what it speaks of.
    """

    __tablename__ = "card_seats"
    __table_args__ = (UniqueConstraint("applied_licence_id", "node_id", "card_key", "holder"),)

    applied_licence_id: Mapped[UUID] = mapped_column(ForeignKey("licences.id", ondelete="CASCADE"))
    node_id: Mapped[str]
    card_key: Mapped[str]
    holder: Mapped[str] = mapped_column(index=True)
    fence: Mapped[int]
    lease_expires_at: Mapped[datetime]


class ClockMark(Base):
    """One row: the highest time that was ever seen."""

    __tablename__ = "clock_mark"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    highest_at: Mapped[datetime]
