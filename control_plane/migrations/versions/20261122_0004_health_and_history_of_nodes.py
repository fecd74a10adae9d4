"""Whether a node drains, how each card is, and the history of the cards' figures.

By hand: the two checks, which Alembic leaves out of a column that is added. `observed_healthy` and `observed_problem`
stay. Rows that are there get their health with the next heartbeat; until then nobody could be asked.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("nodes", sa.Column("desired_state", sa.String(40), server_default="serving", nullable=False))
    op.create_check_constraint(op.f("ck_nodes_desired_node_state"), "nodes", "desired_state IN ('serving', 'draining')")
    state = sa.Column("observed_health_state", sa.String(40), server_default="unknown", nullable=False)
    reasons = sa.Column(
        "observed_health_reasons", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
    )
    facts = sa.Column(
        "observed_facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
    )
    for column in (state, reasons, facts):
        op.add_column("accelerators", column)
    op.create_check_constraint(
        op.f("ck_accelerators_health_state"),
        "accelerators",
        "observed_health_state IN ('ok', 'warning', 'failed', 'unknown')",
    )
    op.add_column("accelerators", sa.Column("observed_memory_used_bytes", sa.BigInteger(), nullable=True))
    for figure in ("utilization", "temperature_celsius", "power_watts"):
        op.add_column("accelerators", sa.Column(f"observed_{figure}", sa.Double[float](), nullable=True))
    op.create_table(
        "node_samples",
        sa.Column("accelerator_id", sa.Uuid(), nullable=False),
        sa.Column("width_seconds", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("utilization_count", sa.BigInteger(), nullable=False),
        sa.Column("utilization_sum", sa.Double[float](), nullable=False),
        sa.Column("utilization_max", sa.Double[float](), nullable=True),
        sa.Column("memory_used_bytes_count", sa.BigInteger(), nullable=False),
        sa.Column("memory_used_bytes_sum", sa.Double[float](), nullable=False),
        sa.Column("memory_used_bytes_max", sa.Double[float](), nullable=True),
        sa.Column("temperature_celsius_count", sa.BigInteger(), nullable=False),
        sa.Column("temperature_celsius_sum", sa.Double[float](), nullable=False),
        sa.Column("temperature_celsius_max", sa.Double[float](), nullable=True),
        sa.Column("power_watts_count", sa.BigInteger(), nullable=False),
        sa.Column("power_watts_sum", sa.Double[float](), nullable=False),
        sa.Column("power_watts_max", sa.Double[float](), nullable=True),
        sa.ForeignKeyConstraint(
            ["accelerator_id"],
            ["accelerators.id"],
            name=op.f("fk_node_samples_accelerator_id_accelerators"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("accelerator_id", "width_seconds", "start_time", name=op.f("pk_node_samples")),
    )
