"""Licences of sealed weights: vendors, licences, revocation lists, card seats and the clock's mark."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STATES = (
    "valid",
    "expiring",
    "grace",
    "expired",
    "revoked",
    "foreign_box",
    "clock_suspect",
    "not_yet_valid",
)


def times() -> tuple[sa.Column[object], sa.Column[object]]:
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "vendor_roots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        *times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_roots")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_vendor_roots_fingerprint")),
    )
    op.create_table(
        "licences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("licence_id", sa.Text(), nullable=False),
        sa.Column("root_id", sa.Uuid(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("max_cards", sa.BigInteger(), nullable=False),
        sa.Column("max_nodes", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column(
            "observed_state",
            sa.Enum(*STATES, name="licence_state", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("observed_reason", sa.Text(), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warned_days", sa.BigInteger(), nullable=True),
        *times(),
        sa.ForeignKeyConstraint(["root_id"], ["vendor_roots.id"], name=op.f("fk_licences_root_id_vendor_roots")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licences")),
        sa.UniqueConstraint("licence_id", name=op.f("uq_licences_licence_id")),
    )
    op.create_index(op.f("ix_licences_root_id"), "licences", ["root_id"], unique=False)
    op.create_table(
        "revocation_lists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("root_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        *times(),
        sa.ForeignKeyConstraint(
            ["root_id"], ["vendor_roots.id"], name=op.f("fk_revocation_lists_root_id_vendor_roots")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revocation_lists")),
        sa.UniqueConstraint("root_id", name=op.f("uq_revocation_lists_root_id")),
    )
    op.create_table(
        "card_seats",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("applied_licence_id", sa.Uuid(), nullable=False),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("card_key", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=False),
        *times(),
        sa.ForeignKeyConstraint(
            ["applied_licence_id"],
            ["licences.id"],
            name=op.f("fk_card_seats_applied_licence_id_licences"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_seats")),
        sa.UniqueConstraint(
            "applied_licence_id",
            "node_id",
            "card_key",
            "holder",
            name=op.f("uq_card_seats_applied_licence_id_node_id_card_key_holder"),
        ),
    )
    op.create_index(op.f("ix_card_seats_holder"), "card_seats", ["holder"], unique=False)
    op.create_table(
        "clock_mark",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("highest_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_mark")),
    )
