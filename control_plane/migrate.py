"""`python -m control_plane.migrate`: bring the registry to this version's schema, then write the first-run rows.

Runs before anything else of the control plane starts. Safe to run at any time, also twice at once: an advisory lock
lets one at a time through. A schema from a newer version is refused, never touched.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager

from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from appliance.base import clock, logs
from appliance.base.errors import ApplianceError, NewerFormat
from appliance.base.settings import Settings, load_settings
from control_plane.database.session import make_engine, make_session_factory, transaction
from control_plane.first_run import write_first_rows
from control_plane.migrations.configuration import alembic_config

ADVISORY_LOCK = 7_405_882_911
"""Any fixed number; `reconciler` has its own."""

log = logs.get_logger(__name__)


def migrate(settings: Settings) -> None:
    """Raises NewerFormat for a schema that this version does not know."""
    config = alembic_config(settings)
    engine = make_engine(settings)
    try:
        with only_one(engine) as guard:
            before = refuse_newer(guard, ScriptDirectory.from_config(config))
            guard.commit()
            command.upgrade(config, "head")
            log.info("schema_was_migrated", before=before, after=current_revision(guard))
            with transaction(make_session_factory(engine)) as session:
                write_first_rows(session, settings.paths, now=clock.now(), serve_bundled=settings.engines.serve_bundled)
    finally:
        engine.dispose()


@contextmanager
def only_one(engine: Engine) -> Generator[Connection]:
    """Hold the advisory lock on a connection of its own, so that it covers several transactions of others."""
    with engine.connect() as guard:
        guard.execute(text("SET lock_timeout = '120s'"))
        guard.execute(text("SET statement_timeout = '120s'"))
        guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        guard.commit()
        try:
            yield guard
        finally:
            guard.rollback()
            guard.invalidate()


def refuse_newer(connection: Connection, scripts: ScriptDirectory) -> str | None:
    """The revision found, None for an empty database; raises NewerFormat where we have never heard of it."""
    found = current_revision(connection)
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise NewerFormat(
            f"The registry's schema ({found}) is from a newer version of the appliance.",
            hint="Start the newer version again, or restore the backup that was made before it.",
        )
    return found


def current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def main() -> int:
    try:
        settings = load_settings()
        logs.configure(service="migrate", level=settings.log_level)
        migrate(settings)
    except ApplianceError as error:
        sys.stderr.write(f"{error.message} {error.hint or ''}".rstrip() + "\n")
        return 1
    except OperationalError as error:
        sys.stderr.write(f"PostgreSQL does not answer: {error.orig} See its log, or run `appliance doctor`.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
