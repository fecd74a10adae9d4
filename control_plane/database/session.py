"""Engine, session factory, and the one place that commits."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.orm import Session, sessionmaker

from appliance.base.postgres import DATABASE, ROLE
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings

CONNECT_TIMEOUT_SECONDS = 3
SERVER_OPTIONS = (
    "-c timezone=UTC -c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
)

SessionFactory = sessionmaker[Session]


class KeepsChanges(Exception):
    """Mixin for an error answer whose transaction is committed all the same: a failed login is counted."""


def database_url(settings: Settings) -> URL:
    """The server of the settings, else the appliance's own over its socket; the password comes from its file."""
    password = read_secret(settings.paths, Secret.POSTGRES_PASSWORD)
    if settings.database.url:
        return make_url(settings.database.url).set(drivername="postgresql+psycopg", password=password)
    return URL.create(
        "postgresql+psycopg",
        username=ROLE,
        password=password,
        database=DATABASE,
        query={"host": str(settings.paths.postgres_socket_dir)},
    )


def make_engine(settings: Settings) -> Engine:
    """Connections are checked before use, so a restarted server is found again without a restart of ours."""
    return create_engine(
        database_url(settings),
        pool_size=settings.database.pool_size,
        max_overflow=settings.database.pool_size,
        pool_timeout=CONNECT_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "options": SERVER_OPTIONS},
    )


def make_session_factory(engine: Engine) -> SessionFactory:
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(factory: SessionFactory, *, publish: Callable[[str], None] | None = None) -> Generator[Session]:
    """One session, one transaction: committed at the end, rolled back on an error; then the nudges go out.

    `publish` takes the name of a reconciler to hurry; without it nudges are dropped and the sweep does the work.
    """
    with factory() as session:
        try:
            yield session
        except KeepsChanges:
            session.commit()
            raise
        session.commit()
        hurried = pending_nudges(session)
    for name in dict.fromkeys(hurried):
        if publish is not None:
            publish(name)


def nudge(session: Session, reconciler: str) -> None:
    """Ask that `reconciler` be hurried once this transaction is committed; a rollback forgets it."""
    pending_nudges(session).append(reconciler)


def pending_nudges(session: Session) -> list[str]:
    return session.info.setdefault("nudges", [])
