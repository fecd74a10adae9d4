"""Entries of admins and of signed updates stand beside the release's, and the highest update is remembered.

By hand: the check of `origin`, which Alembic leaves out of a column that is added, and the row of `catalogue_state`.
An empty `digest` is filled in by the next start, which writes the release's entries anew where they differ.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("catalog_models", sa.Column("origin", sa.String(40), server_default="release", nullable=False))
    op.create_check_constraint(
        op.f("ck_catalog_models_origin"), "catalog_models", "origin IN ('release', 'update', 'custom')"
    )
    op.add_column("catalog_models", sa.Column("digest", sa.Text(), server_default="", nullable=False))
    op.drop_constraint("uq_catalog_models_name", "catalog_models", type_="unique")
    op.create_unique_constraint(op.f("uq_catalog_models_name_origin"), "catalog_models", ["name", "origin"])
    op.create_table(
        "catalogue_updates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_updates")),
        sa.UniqueConstraint("sequence", name=op.f("uq_catalogue_updates_sequence")),
    )
    op.create_table(
        "catalogue_state",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_state")),
    )
    op.execute("INSERT INTO catalogue_state (id, revision) VALUES (1, 0)")
