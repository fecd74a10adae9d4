"""Checks of the machine and the home, which need nothing to run."""

import os
import shutil
import stat
from collections.abc import Iterator

import psutil

from appliance.base import clock
from appliance.base.box import HOME_FORMAT
from appliance.base.errors import ApplianceError
from appliance.base.secret_files import Secret
from appliance.engines.install import check_processor
from appliance.engines.pack import load_pack
from installer.doctor.finding import Finding, fail, ok, warn
from installer.programs import GOOD_REDIS_MAJOR
from installer.setup.facts import Facts
from installer.setup.plan import ENGINE_PACK, engine_is_installed
from installer.supervision.client import Supervisor

GIB = 1024**3
DISK_FAIL, DISK_WARN = 1 * GIB, 10 * GIB
MEMORY_WARN = 8 * GIB
RELEASED = 1_790_000_000
"""Unix seconds of a moment before this version was made; a clock before it is wrong."""


def check_home(facts: Facts) -> Iterator[Finding]:
    home = facts.home
    if facts.box is None:
        yield warn("home", f"There is no appliance in {home.root} yet.", what_to_do="Run `appliance up`.")
        return
    for folder in (home.root, home.secrets, home.run):
        if folder.exists() and stat.S_IMODE(folder.stat().st_mode) & 0o077:
            yield fail("home", f"{folder} is open to others.", what_to_do=f"chmod 700 {folder}")
        elif folder.exists() and folder.stat().st_uid != os.geteuid():
            yield fail("home", f"{folder} belongs to another user.", what_to_do="Run the appliance as its owner.")
    yield ok("home", f"{home.root}, format {facts.box.format} of {HOME_FORMAT}.")


def check_secrets(facts: Facts) -> Iterator[Finding]:
    open_ones = [
        path.name
        for name in Secret
        if (path := facts.home.secrets / name.value).exists() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_ones:
        what = f"chmod 600 {facts.home.secrets}/*"
        yield fail("secrets", f"Others can read: {', '.join(open_ones)}.", what_to_do=what)
    else:
        yield ok("secrets", "Readable by their owner only.")


def check_disk(facts: Facts) -> Iterator[Finding]:
    for folder in {facts.home.root, facts.settings.engines_dir}:
        if not folder.exists():
            continue
        free = shutil.disk_usage(folder).free
        said = f"{free / GIB:.1f} GiB free where {folder} lies."
        what = "Free some space; the registry refuses writes on a full disk, while models go on answering."
        if free < DISK_FAIL:
            yield fail("disk", said, what_to_do=what)
        elif free < DISK_WARN:
            yield warn("disk", said, what_to_do="Enough to run; importing a model wants more.")
        else:
            yield ok("disk", said)


def check_memory(facts: Facts) -> Iterator[Finding]:  # noqa: ARG001  a check's signature
    memory = psutil.virtual_memory()
    said = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB available."
    if memory.total < MEMORY_WARN:
        yield warn("memory", said, what_to_do="The stack needs about 2 GiB and each engine on the processor about 3.")
    else:
        yield ok("memory", said)


def check_processor_flags(facts: Facts) -> Iterator[Finding]:
    try:
        check_processor(load_pack(ENGINE_PACK))
    except ApplianceError as error:
        yield fail("engine", error.message, what_to_do=error.hint or "")
        return
    if engine_is_installed(facts.settings.engines_dir):
        yield ok("engine", f"{ENGINE_PACK} is installed, and this processor has what it needs.")
    else:
        yield fail("engine", f"{ENGINE_PACK} is not installed.", what_to_do="Run `appliance up`.")


def check_redis(facts: Facts) -> Iterator[Finding]:
    redis = facts.programs.redis
    version = ".".join(str(part) for part in redis.version)
    if not redis.version or redis.version[0] < GOOD_REDIS_MAJOR:
        what = "It works. For updates from your system, install redis-server or valkey-server 7 or newer and restart."
        yield warn("redis", f"The bundled Redis {version} is in use; its line no longer gets fixes.", what_to_do=what)
    else:
        yield ok("redis", f"{redis.path}, version {version}.")


def check_clock(facts: Facts) -> Iterator[Finding]:
    """Keys expire and usage is booked by it: a clock before this release, or before the home's own files, is wrong."""
    now = clock.unix_time()
    made = facts.home.box_file.stat().st_mtime if facts.box else 0.0
    if now < max(RELEASED, made - 60):
        yield fail("clock", f"The clock says {clock.now():%Y-%m-%d %H:%M} UTC.", what_to_do="Set the clock; use NTP.")
    else:
        yield ok("clock", f"{clock.now():%Y-%m-%d %H:%M} UTC.")


def check_ports(facts: Facts) -> Iterator[Finding]:
    """While the stack is down, whether somebody else took a port of ours; while it is up, the services tell."""
    if facts.box is None or Supervisor(facts.home).pid is not None:
        return
    public = facts.box.ports.public
    if public in facts.taken_ports:
        what = "End that program, or choose another port: APPLIANCE_HTTP__PORT=<port> appliance up"
        yield fail("ports", f"Port {public} is in use by {facts.taken_ports[public]}.", what_to_do=what)
    else:
        yield ok("ports", f"The public port {public} is free.")
