"""PostgreSQL's cluster: made once beside its final place and renamed there, so that a broken attempt is never used."""

import shutil
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from appliance.base.child_env import child_env
from appliance.base.errors import NewerFormat, SetupError
from appliance.base.paths import Home
from appliance.base.postgres import (
    CREATE_DATABASE,
    MAJOR_VERSION,
    create_database_command,
    initdb_command,
    pg_hba_conf,
    postgresql_conf,
)
from appliance.base.secret_files import Secret
from installer.setup.files import WrittenFile
from installer.steps import Say, Step

MAKE_SECONDS = 180.0


def database_steps(home: Home) -> list[Step]:
    title = f"PostgreSQL {MAJOR_VERSION} database folder"
    return [Step("postgres", title, is_done=partial(is_made, home), apply=partial(make_cluster, home))]


def config_files(home: Home) -> tuple[WrittenFile, ...]:
    return (
        WrittenFile(home.postgres_data / "postgresql.conf", postgresql_conf(home)),
        WrittenFile(home.postgres_data / "pg_hba.conf", pg_hba_conf()),
    )


def is_made(home: Home) -> bool:
    """Raises SetupError for a folder of another major version: its files mean nothing to this server."""
    version = home.postgres_data / "PG_VERSION"
    if not version.is_file():
        return False
    found = version.read_text().strip()
    if found != str(MAJOR_VERSION):
        raise NewerFormat(
            f"{home.postgres_data} was written by PostgreSQL {found}; this version carries {MAJOR_VERSION}.",
            hint="Use the version of the appliance that wrote it, or restore a backup.",
        )
    return all(file.is_right() for file in config_files(home))


def make_cluster(home: Home, say: Say) -> None:
    if not (home.postgres_data / "PG_VERSION").is_file():
        fresh = home.root / "postgres.new"
        refuse_unknown_files(home.postgres_data)
        shutil.rmtree(fresh, ignore_errors=True)
        say("initdb")
        run(initdb_command(fresh, password_file=home.secrets / Secret.POSTGRES_PASSWORD.value))
        say("creating the database")
        run(create_database_command(fresh), said_to_it=CREATE_DATABASE)
        fresh.rename(home.postgres_data)
    for file in config_files(home):
        file.write()


def refuse_unknown_files(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise SetupError(
            f"{folder} holds files, but no database of PostgreSQL.",
            hint="Restore it from a backup, or move it away to start with an empty registry.",
        )


def run(command: Sequence[str], *, said_to_it: str | None = None) -> None:
    try:
        outcome = subprocess.run(
            command,
            input=said_to_it,
            env=child_env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=MAKE_SECONDS,
        )
    except FileNotFoundError as error:
        raise SetupError(
            f"The program {error.filename} is missing.", hint="On Debian: apt install util-linux"
        ) from error
    if outcome.returncode != 0:
        raise SetupError(
            f"PostgreSQL could not be set up: {(outcome.stderr or outcome.stdout).strip()[-1500:]}",
            hint="Look at the folder's file system and free space; run `appliance up` again.",
        )
