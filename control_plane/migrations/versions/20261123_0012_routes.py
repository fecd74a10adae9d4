"""Routes, endpoints elsewhere, public names, autoscaling of served models, and who answered a request."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def times() -> tuple[sa.Column[object], sa.Column[object]]:
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "external_endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("sealed_key", sa.Text(), nullable=True),
        sa.Column("allow_private", sa.Boolean(), nullable=False),
        sa.Column("ca_certificates", sa.Text(), nullable=True),
        sa.Column("connect_timeout_seconds", sa.Float(), nullable=False),
        sa.Column("first_byte_timeout_seconds", sa.Float(), nullable=False),
        sa.Column("max_concurrent", sa.BigInteger(), nullable=False),
        *times(),
        sa.CheckConstraint("kind IN ('openai', 'anthropic')", name=op.f("ck_external_endpoints_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_endpoints")),
        sa.UniqueConstraint("name", name=op.f("uq_external_endpoints_name")),
    )
    op.create_table(
        "routes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("max_model_len", sa.BigInteger(), nullable=True),
        sa.Column("tiers", postgresql.JSONB(), nullable=False),
        sa.Column("shadow", postgresql.JSONB(), nullable=True),
        sa.Column("sticky", sa.Text(), nullable=False),
        sa.Column("balance", sa.Text(), nullable=False),
        sa.Column("retry_percent", sa.Float(), nullable=False),
        *times(),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_routes_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routes")),
        sa.UniqueConstraint("name", name=op.f("uq_routes_name")),
    )
    op.create_index(op.f("ix_routes_project_id"), "routes", ["project_id"], unique=False)
    op.create_table(
        "public_names",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("served_model_id", sa.Uuid(), nullable=True),
        sa.Column("route_id", sa.Uuid(), nullable=True),
        *times(),
        sa.CheckConstraint("num_nonnulls(served_model_id, route_id) = 1", name=op.f("ck_public_names_one_owner")),
        sa.ForeignKeyConstraint(
            ["served_model_id"],
            ["served_models.id"],
            name=op.f("fk_public_names_served_model_id_served_models"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["route_id"], ["routes.id"], name=op.f("fk_public_names_route_id_routes"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_names")),
        sa.UniqueConstraint("name", name=op.f("uq_public_names_name")),
        sa.UniqueConstraint("served_model_id", name=op.f("uq_public_names_served_model_id")),
        sa.UniqueConstraint("route_id", name=op.f("uq_public_names_route_id")),
    )
    op.execute(
        "INSERT INTO public_names (id, name, served_model_id) SELECT gen_random_uuid(), name, id FROM served_models"
    )
    for name, kind in (
        ("min_replicas", sa.BigInteger()),
        ("max_replicas", sa.BigInteger()),
        ("target_per_replica", sa.BigInteger()),
        ("idle_seconds", sa.BigInteger()),
    ):
        op.add_column("served_models", sa.Column(name, kind, nullable=True))
    for name, kind in (("route", sa.Text()), ("external_endpoint_id", sa.Text())):
        op.add_column("usage_events", sa.Column(name, kind, nullable=True))
    for name in ("shadow", "fallback"):
        op.add_column("usage_events", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
