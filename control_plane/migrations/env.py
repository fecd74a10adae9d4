"""What Alembic runs: our metadata against the settings' database, in one transaction."""

from typing import cast

from alembic import context
from sqlalchemy import Connection, text

from appliance.base.settings import Settings, load_settings
from control_plane.database.session import make_engine
from control_plane.migrations.schema import compared, metadata


def run() -> None:
    """Use the connection of the caller where there is one (it holds the lock), else make one."""
    connection = cast(Connection | None, context.config.attributes.get("connection"))
    if connection is not None:
        migrate(connection)
        return
    engine = make_engine(cast(Settings | None, context.config.attributes.get("settings")) or load_settings())
    with engine.connect() as own:
        migrate(own)
        own.commit()
    engine.dispose()


def migrate(connection: Connection) -> None:
    connection.execute(text("SET statement_timeout = 0"))
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=compared,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
