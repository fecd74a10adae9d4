"""Where everything lies: one folder for state (`APPLIANCE_HOME`) and one short folder for sockets.

Ray's socket names need 63 of the 107 characters that Linux allows, and a home may lie deep, so sockets live in a 0700
folder under /tmp whose name is the hash of the home's path: two homes never meet.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import SetupError

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def default_home() -> Path:
    """`.appliance` beside a checkout's pyproject.toml, else `~/.thousand-sails`."""
    if (PROJECT_ROOT / "pyproject.toml").is_file():
        return PROJECT_ROOT / ".appliance"
    return Path.home() / ".thousand-sails"


@dataclass(frozen=True)
class Home:
    """Every path of one appliance. Creates nothing by itself, but for `ensure`."""

    root: Path

    @property
    def key(self) -> str:
        """Eight hexadecimal digits that name this home on this machine."""
        return hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()[:8]

    @property
    def run(self) -> Path:
        """Sockets and Ray's temp folder, at most 16 characters long."""
        return Path("/tmp") / f"ts-{self.key}"  # noqa: S108  checked for owner and mode in `ensure`

    @property
    def box_file(self) -> Path:
        return self.root / "box.json"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def registry_passwords(self) -> Path:
        """One file per OCI registry, named by its host and port."""
        return self.secrets / "registries"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def postgres_data(self) -> Path:
        return self.root / "postgres"

    @property
    def redis_data(self) -> Path:
        return self.root / "redis"

    @property
    def supervisor(self) -> Path:
        return self.root / "supervisor"

    @property
    def weights(self) -> Path:
        return self.root / "weights"

    @property
    def licences(self) -> Path:
        """Signed files and the clock's mark, for those who load sealed weights; the registry has them too."""
        return self.root / "licences"

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def snapshot(self) -> Path:
        """The folder of the gateway's snapshot of keys and routes."""
        return self.root / "snapshot"

    @property
    def engines(self) -> Path:
        """Engine packs' environments, unless `APPLIANCE_ENGINES__DIR` says otherwise."""
        return self.root / "engines"

    @property
    def postgres_socket_dir(self) -> Path:
        return self.run / "pg"

    @property
    def redis_socket(self) -> Path:
        return self.run / "redis.sock"

    @property
    def supervisor_socket(self) -> Path:
        return self.run / "supervisor.sock"

    @property
    def gateway_socket(self) -> Path:
        return self.run / "gateway.sock"

    @property
    def api_socket(self) -> Path:
        return self.run / "api.sock"

    @property
    def engine_sockets(self) -> Path:
        return self.run / "engines"

    @property
    def ray_temp(self) -> Path:
        return self.run / "ray"

    def ensure(self) -> None:
        """Create the folders with their modes; refuse a runtime folder that somebody else made."""
        for folder in (self.root, self.secrets, self.logs, self.supervisor, self.spool, self.snapshot):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.run, self.engine_sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
        status = self.run.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise SetupError(
                f"The runtime folder {self.run} belongs to somebody else or is open to others.",
                hint=f"Look who made it; if nobody needs it, remove it and start again: rm -r {self.run}",
            )
