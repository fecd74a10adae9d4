"""One head, no drift between the tables and the migrations, and the way up from an empty database."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session

from appliance.base.errors import NewerFormat
from appliance.base.settings import Settings
from appliance.hardware.inventory import HealthState
from control_plane.access.domain import ProjectRole, Role
from control_plane.audit.service import check_chain, seal
from control_plane.catalogue.tables import CatalogModel, CatalogueState, Origin
from control_plane.database.session import make_engine
from control_plane.keys.tables import ApiKey
from control_plane.migrate import current_revision, migrate
from control_plane.migrations.configuration import alembic_config
from control_plane.nodes.domain import DesiredNodeState
from control_plane.nodes.repository import node_by_id
from control_plane.sessions.tables import AccessToken, PasswordCredential
from control_plane.tenants.repository import memberships
from control_plane.tenants.tables import Organization, Project, User
from tests.fixtures.postgres import PostgresServer


@pytest.fixture
def empty_database(postgres_server: PostgresServer) -> Iterator[Settings]:
    name = f"test_{uuid4().hex[:12]}"
    postgres_server.run(f"CREATE DATABASE {name}")
    yield postgres_server.database(name)
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_there_is_one_head() -> None:
    scripts = ScriptDirectory.from_config(alembic_config(Settings.model_validate({})))
    assert len(scripts.get_heads()) == 1


def test_every_migration_limits_how_long_it_waits_for_a_lock() -> None:
    scripts = ScriptDirectory.from_config(alembic_config(Settings.model_validate({})))
    for script in scripts.walk_revisions():
        assert "SET LOCAL lock_timeout" in Path(script.path).read_text(), script.path


def test_tables_and_migrations_do_not_drift(empty_database: Settings) -> None:
    """Also with the monthly partitions there."""
    migrate(empty_database)
    try:
        command.check(alembic_config(empty_database))
    except CommandError as difference:
        pytest.fail(f"Tables and migrations differ; add a migration. {difference}")
    assert current(empty_database) == ScriptDirectory.from_config(alembic_config(empty_database)).get_current_head()


def current(settings: Settings) -> str | None:
    engine = make_engine(settings)
    with engine.connect() as connection:
        found = current_revision(connection)
    engine.dispose()
    return found


def rows(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    """Everything that first-run seeding writes, keys and times included: what must not change the second time."""
    engine = make_engine(settings)
    with engine.connect() as connection:
        found = {
            table.__tablename__: [tuple(row) for row in connection.execute(select(table.__table__))]
            for table in (Organization, Project, User, PasswordCredential, AccessToken, ApiKey)
        }
    engine.dispose()
    return found


def test_migrating_an_empty_database_writes_the_first_rows_once(empty_database: Settings) -> None:
    migrate(empty_database)
    before = rows(empty_database)
    assert {name: len(found) for name, found in before.items()} == {
        "organizations": 1,
        "projects": 1,
        "users": 1,
        "password_credentials": 1,
        "access_tokens": 2,
        "api_keys": 1,
    }
    migrate(empty_database)
    assert rows(empty_database) == before


def test_nodes_of_the_schema_before_serve_and_nobody_knows_their_cards_health(empty_database: Settings) -> None:
    command.upgrade(alembic_config(empty_database), "0003")
    engine = make_engine(empty_database)
    node_id = uuid4()
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO nodes (id, hostname, address, observed_facts, observed_at)"
                " VALUES (:node, 'rack-1', '10.0.0.1', '{}', now())"
            ),
            {"node": node_id},
        )
        connection.execute(
            text(
                "INSERT INTO accelerators"
                " (id, node_id, key, index, vendor, family, name, observed_healthy, observed_at)"
                " VALUES (:node, :node, 'GPU-1', 0, 'nvidia', 'cuda', 'H100', true, now())"
            ),
            {"node": node_id},
        )
    migrate(empty_database)
    with Session(engine) as session:
        node = node_by_id(session, node_id)
        assert node is not None
        assert node.desired_state is DesiredNodeState.SERVING
        [card] = node.accelerators
        assert (card.observed_health_state, card.observed_health_reasons) == (HealthState.UNKNOWN, [])
    with engine.connect() as connection:
        checks = {check["name"] for check in inspect(connection).get_check_constraints("accelerators")}
        checks |= {check["name"] for check in inspect(connection).get_check_constraints("nodes")}
    assert checks == {"ck_accelerators_health_state", "ck_nodes_desired_node_state"}
    engine.dispose()


def test_entries_of_the_schema_before_are_the_releases_and_others_may_have_their_names(
    empty_database: Settings,
) -> None:
    command.upgrade(alembic_config(empty_database), "0005")
    engine = make_engine(empty_database)
    values = "(gen_random_uuid(), :name, 'f', 'chat', '{}')"
    with engine.begin() as connection:
        for name in ("sails-guide", "of-an-older-release"):
            insert = text(f"INSERT INTO catalog_models (id, name, family, task, entry) VALUES {values}")  # noqa: S608
            connection.execute(insert, {"name": name})
    migrate(empty_database)
    with Session(engine) as session:
        found = {one.name: one for one in session.scalars(select(CatalogModel))}
        assert {one.origin for one in found.values()} == {Origin.RELEASE}
        assert found["sails-guide"].entry["name"] == "sails-guide", "the first start after it writes them anew"
        assert found["of-an-older-release"].removed_at is not None
        assert session.scalars(select(CatalogueState.revision)).all() == [1]
    with engine.connect() as connection:
        unique = inspect(connection).get_unique_constraints("catalog_models")
        checks = {check["name"] for check in inspect(connection).get_check_constraints("catalog_models")}
    assert [each["column_names"] for each in unique] == [["name", "origin"]]
    assert checks == {"ck_catalog_models_origin"}
    engine.dispose()


def test_people_and_entries_of_the_schema_before_go_on_and_its_code_may_still_write(empty_database: Settings) -> None:
    """The release before knows `users.role` alone and no chain; both releases run side by side during an upgrade."""
    command.upgrade(alembic_config(empty_database), "0007")
    engine = make_engine(empty_database)
    before = (
        "INSERT INTO organizations (id, name) VALUES (:one, 'Default')",
        "INSERT INTO projects (id, organization_id, name) VALUES (:one, :one, 'Default')",
        "INSERT INTO users (id, organization_id, name, role) VALUES (:one, :one, 'admin', 'owner')",
        "INSERT INTO users (id, organization_id, name, role) VALUES (:two, :one, 'rita', 'reader')",
    )
    entry = (
        "INSERT INTO audit_entries (id, actor_kind, actor_name, action, target)"
        " VALUES (gen_random_uuid(), 'user', 'admin', 'key.create', 'key-1')"
    )
    keys = {"one": uuid4(), "two": uuid4(), "three": uuid4()}
    with engine.begin() as connection:
        for statement in (*before, entry):
            connection.execute(text(statement), keys)
    migrate(empty_database)
    with engine.begin() as connection:
        insert = "INSERT INTO users (id, organization_id, name, role) VALUES (:three, :one, 'late', 'reader')"
        for statement in (insert, entry):
            connection.execute(text(statement), keys)
    with Session(engine) as session:
        roles = {user.name: user.role for user in session.scalars(select(User))}
        assert roles == {"admin": Role.OWNER, "rita": Role.VIEWER, "late": Role.VIEWER}
        assert memberships(session, keys["two"]) == {keys["one"]: ProjectRole.VIEWER}
        admin = session.scalars(select(User).where(User.name == "admin")).one()
        admin.organization_role = Role.OPERATOR
        session.commit()
    with engine.connect() as connection:
        wires = dict(connection.execute(text("SELECT name, role FROM users")).all())
    assert wires == {"admin": "reader", "rita": "reader", "late": "reader"}, "words that it knows"
    with Session(engine) as session:
        assert seal(session) == 1, "the late entry; the earlier one was chained by the first run"
        session.commit()
        assert check_chain(session).holds
    engine.dispose()


def test_every_tenant_owned_table_names_its_project(database_settings: Settings) -> None:
    engine = make_engine(database_settings)
    tables = inspect(engine)
    for name in ("api_keys", "usage_events", "jobs", "model_versions", "served_models"):
        columns = {column["name"]: column for column in tables.get_columns(name)}
        assert columns["project_id"]["nullable"] is False, name
    engine.dispose()


def test_vectors_can_be_stored(database_settings: Settings) -> None:
    engine = make_engine(database_settings)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT '[1,2]'::vector <-> '[1,3]'::vector")) == 1.0
    engine.dispose()


def test_a_newer_schema_is_refused_and_left_alone(empty_database: Settings) -> None:
    migrate(empty_database)
    engine = make_engine(empty_database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerFormat, match="newer version"):
        migrate(empty_database)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    engine.dispose()
