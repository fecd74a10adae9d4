"""Six roles, members of projects, service accounts, invites, admin keys, what a key may do, and the audit chain.

Expands only. `users.role` stays what the version before reads and writes (owner or reader, as OpenAI's API has it);
`organization_role` is beside it, and null means what `role` says. Everybody who is there becomes a member of the
default project, which is where they have worked so far. Entries of the audit log are chained by the first run.
By hand: the checks of added columns, the partial index, the backfill.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ROLES = ("owner", "admin", "operator", "developer", "viewer", "auditor")
PROJECT_ROLES = ("admin", "developer", "viewer")
VIA = ("session", "token", "admin_key", "api_key", "invite")


def enum(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def times() -> tuple[sa.Column[object], sa.Column[object]]:
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def one_of(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    people()
    logins()
    keys()
    audit()
    op.execute(
        "INSERT INTO project_members (id, project_id, user_id, role)"
        " SELECT gen_random_uuid(), first.id, users.id, CASE users.role WHEN 'owner' THEN 'admin' ELSE 'viewer' END"
        " FROM users, (SELECT id FROM projects ORDER BY id LIMIT 1) AS first"
    )


def people() -> None:
    op.add_column("users", sa.Column("organization_role", sa.String(40), nullable=True))
    op.create_check_constraint(op.f("ck_users_role_in_organization"), "users", one_of("organization_role", ROLES))
    op.execute("UPDATE users SET organization_role = CASE role WHEN 'owner' THEN 'owner' ELSE 'viewer' END")
    op.add_column("users", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "project_members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", enum(*PROJECT_ROLES, name="project_role"), nullable=False),
        *times(),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_project_members_project_id_projects"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_project_members_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_members")),
        sa.UniqueConstraint("project_id", "user_id", name=op.f("uq_project_members_project_id_user_id")),
    )
    op.create_index(op.f("ix_project_members_user_id"), "project_members", ["user_id"], unique=False)
    op.create_table(
        "service_accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", enum(*PROJECT_ROLES, name="project_role"), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        *times(),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_service_accounts_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_accounts")),
    )
    op.create_index(op.f("ix_service_accounts_project_id"), "service_accounts", ["project_id"], unique=False)
    op.create_table(
        "invites",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", enum(*ROLES, name="role"), nullable=False),
        sa.Column("projects", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("token_digest", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        *times(),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_invites_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invites")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_invites_token_digest")),
    )
    op.create_index(op.f("ix_invites_organization_id"), "invites", ["organization_id"], unique=False)


def logins() -> None:
    op.add_column(
        "password_credentials", sa.Column("must_change", sa.Boolean(), server_default="false", nullable=False)
    )
    op.create_table(
        "login_failures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tried", enum("name", "address", name="tried"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("failed_count", sa.BigInteger(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        *times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_failures")),
        sa.UniqueConstraint("tried", "subject", name=op.f("uq_login_failures_tried_subject")),
    )
    op.create_index(op.f("ix_login_failures_failed_at"), "login_failures", ["failed_at"], unique=False)
    op.create_table(
        "admin_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", enum(*ROLES, name="role"), nullable=False),
        sa.Column("display_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        *times(),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_admin_keys_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_admin_keys_digest")),
        sa.UniqueConstraint("display_id", name=op.f("uq_admin_keys_display_id")),
    )
    op.create_index(op.f("ix_admin_keys_user_id"), "admin_keys", ["user_id"], unique=False)


def keys() -> None:
    op.add_column("api_keys", sa.Column("service_account_id", sa.Uuid(), nullable=True))
    op.add_column("api_keys", sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("api_keys", sa.Column("allowed_networks", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("api_keys", sa.Column("previous_digest", sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("previous_expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_api_keys_service_account_id_service_accounts"),
        "api_keys",
        "service_accounts",
        ["service_account_id"],
        ["id"],
    )
    op.create_unique_constraint(op.f("uq_api_keys_previous_digest"), "api_keys", ["previous_digest"])
    op.create_index(op.f("ix_api_keys_service_account_id"), "api_keys", ["service_account_id"], unique=False)
    op.create_table(
        "key_uses",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name=op.f("fk_key_uses_key_id_api_keys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_key_uses")),
    )


def audit() -> None:
    op.add_column("audit_entries", sa.Column("project_id", sa.Uuid(), nullable=True))
    op.add_column("audit_entries", sa.Column("via", sa.String(40), nullable=True))
    op.create_check_constraint(op.f("ck_audit_entries_via"), "audit_entries", one_of("via", VIA))
    op.add_column("audit_entries", sa.Column("proof_id", sa.Text(), nullable=True))
    op.add_column("audit_entries", sa.Column("sequence", sa.BigInteger(), nullable=True))
    op.add_column("audit_entries", sa.Column("previous_hash", sa.Text(), nullable=True))
    op.add_column("audit_entries", sa.Column("hash", sa.Text(), nullable=True))
    op.create_unique_constraint(op.f("uq_audit_entries_sequence"), "audit_entries", ["sequence"])
    op.create_index(
        "ix_audit_entries_unsealed", "audit_entries", ["id"], unique=False, postgresql_where=sa.text("sequence IS NULL")
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.execute(f"INSERT INTO audit_head (id, sequence, hash) VALUES (1, 0, '{'0' * 64}')")  # noqa: S608  a constant
