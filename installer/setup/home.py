"""The home itself: its folders, `box.json` and its secrets, as decisions and as steps."""

import shutil
from functools import partial
from pathlib import Path

from appliance.base.box import Box, read_box, write_box
from appliance.base.errors import Insufficient, SetupError
from appliance.base.ids import new_uuid
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, ensure_secret
from installer.services import frontdoor_config
from installer.setup.facts import NOT_IN_A_HOME, Facts
from installer.setup.ports import choose_ports, keep_or_choose
from installer.steps import Say, Step

LEAST_FREE_BYTES = 2 * 1024**3
OWNED_ELSEWHERE = {Secret.FIRST_API_KEY}
"""The first API key has a form of its own; the migration step makes it together with its row."""


def refuse_what_cannot_work(facts: Facts) -> None:
    """Checks without impact, before anything is written."""
    strange = sorted(set(str(facts.home.root)) & NOT_IN_A_HOME)
    if strange:
        raise SetupError(
            f"The home {facts.home.root} has characters in its name that configuration files cannot carry: {strange}",
            hint="Choose another folder: APPLIANCE_HOME=<folder>",
        )
    free = shutil.disk_usage(nearest_existing(facts.home)).free
    if facts.box is None and free < LEAST_FREE_BYTES:
        raise Insufficient(
            f"Only {free / 1024**3:.1f} GiB are free where {facts.home.root} lies; a new appliance needs 2.",
            hint="Free some space, or choose another folder: APPLIANCE_HOME=<folder>",
        )


def nearest_existing(home: Home) -> str:
    folder = home.root
    while not folder.exists():
        folder = folder.parent
    return str(folder)


def decide_box(facts: Facts) -> Box:
    """What `box.json` should say: the stored choice while it holds, a new one otherwise."""
    key, taken, explicit = facts.home.key, facts.taken_ports, facts.settings.http.port
    if facts.box is None:
        ports = choose_ports(home_key=key, taken=taken, explicit_public=explicit)
        return Box(node_id=new_uuid(), ports=ports)
    ports = keep_or_choose(facts.box.ports, home_key=key, taken=taken, explicit_public=explicit)
    return facts.box.model_copy(update={"ports": ports})


def home_steps(facts: Facts, *, box: Box) -> list[Step]:
    home = facts.home
    return [
        Step("home", f"Home folder {home.root}", is_done=partial(is_laid_out, home), apply=partial(lay_out, home)),
        Step(
            "box",
            f"Ports; public is {box.ports.public}",
            is_done=partial(box_is, home, box),
            apply=partial(store, home, box),
        ),
        Step("secrets", "Secrets", is_done=partial(has_secrets, home), apply=partial(make_secrets, home)),
    ]


def folders(home: Home) -> tuple[Path, ...]:
    """Those that `Home.ensure` leaves to others."""
    return (home.weights, home.uploads, home.redis_data, frontdoor_config(home).parent, home.postgres_socket_dir)


def is_laid_out(home: Home) -> bool:
    """`ensure` also refuses a runtime folder of a stranger, so it is asked each time; /tmp may have been swept."""
    if not home.root.is_dir() or not home.run.is_dir() or not home.engine_sockets.is_dir():
        return False
    home.ensure()
    return all(folder.is_dir() for folder in folders(home))


def lay_out(home: Home, say: Say) -> None:  # noqa: ARG001  a step's signature
    home.ensure()
    for folder in folders(home):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def box_is(home: Home, box: Box) -> bool:
    return home.box_file.is_file() and read_box(home) == box


def store(home: Home, box: Box, say: Say) -> None:  # noqa: ARG001
    write_box(home, box)


def has_secrets(home: Home) -> bool:
    return all((home.secrets / name.value).is_file() for name in Secret if name not in OWNED_ELSEWHERE)


def make_secrets(home: Home, say: Say) -> None:  # noqa: ARG001
    for name in Secret:
        if name not in OWNED_ELSEWHERE:
            ensure_secret(home, name)
