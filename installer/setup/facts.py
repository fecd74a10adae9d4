"""What this machine is like, read once before anything is decided."""

import getpass
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.base.box import Box, parse_box
from appliance.base.paths import Home
from appliance.base.settings import Settings
from installer.listeners import listeners
from installer.programs import Programs, find_programs
from installer.supervision.strays import marked_processes

OPEN_FILES = 65_536
NOT_IN_A_HOME = frozenset("\"'\\#;%$\n\r\t")


@dataclass(frozen=True)
class Facts:
    """`taken_ports` maps a port that somebody else listens on to who that is; `box` is None on a new home."""

    home: Home
    settings: Settings
    programs: Programs
    box: Box | None
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
        taken_ports=ports_of_others(home),
        user=getpass.getuser(),
        is_root=os.geteuid() == 0,
        open_files=open_files_limit(),
    )


def ports_of_others(home: Home) -> dict[int, str]:
    """Listening ports and their holders; what this home's own processes hold, strays too, is not taken."""
    ours = {marked.process.pid for marked in marked_processes(home.key)}
    return {listener.port: listener.holder for listener in listeners() if listener.pid not in ours}


def open_files_limit() -> int:
    """As many open files as we would like, or as many as the hard limit grants."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
