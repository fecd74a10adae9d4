"""What this machine is like, read once before anything is decided."""

import getpass
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from appliance.base.box import Box, parse_box
from appliance.base.paths import Home
from appliance.base.settings import Settings
from installer.programs import Programs, find_programs
from installer.supervision.client import Supervisor

OPEN_FILES = 65_536
NOT_IN_A_HOME = frozenset("\"'\\#;%$\n\r\t")


@dataclass(frozen=True)
class Facts:
    """`taken_ports` maps a listening port to who holds it; `box` is None on a new home."""

    home: Home
    settings: Settings
    programs: Programs
    box: Box | None
    supervisor_pid: int | None
    taken_ports: Mapping[int, str]
    user: str
    is_root: bool
    open_files: int


def read_facts(settings: Settings) -> Facts:
    home = settings.paths
    return Facts(
        home=home,
        settings=settings,
        programs=find_programs(),
        box=parse_box(home.box_file) if home.box_file.is_file() else None,
        supervisor_pid=Supervisor(home).pid,
        taken_ports=listening_ports(),
        user=getpass.getuser(),
        is_root=os.geteuid() == 0,
        open_files=open_files_limit(),
    )


def listening_ports() -> dict[int, str]:
    """Every TCP port that somebody listens on, and who, as far as this user may see."""
    return {
        connection.laddr.port: holder(connection.pid)
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def holder(pid: int | None) -> str:
    if pid is None:
        return "a program of another user"
    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.NoSuchProcess:
        return f"process {pid}"


def open_files_limit() -> int:
    """As many open files as we would like, or as many as the hard limit grants."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
