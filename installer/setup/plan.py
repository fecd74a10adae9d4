"""The whole plan of `appliance up`, in two halves: the box on disk, then the running stack."""

import os
from functools import partial
from pathlib import Path

from appliance.base.box import read_box
from appliance.engines.install import install_pack, is_installed
from appliance.engines.pack import load_pack
from installer.bootstrap import package_environment
from installer.services import Stack
from installer.setup.database import database_steps
from installer.setup.facts import Facts
from installer.setup.home import decide_box, home_steps, refuse_what_cannot_work
from installer.setup.stack import stack_steps
from installer.steps import Say, Step

ENGINE_PACK = "vllm-cpu"


def box_plan(facts: Facts) -> list[Step]:
    """What lies on disk: home, ports, secrets, engine, database folder. Raises SetupError before touching anything."""
    refuse_what_cannot_work(facts)
    return [
        *home_steps(facts, box=decide_box(facts)),
        engine_step(facts.settings.engines_dir),
        *database_steps(facts.home),
    ]


def stack_plan(facts: Facts) -> list[Step]:
    """What runs; to be asked for once the box is right, because passwords and ports stand in its files."""
    stack = Stack(facts.home, box=read_box(facts.home), settings=facts.settings, programs=facts.programs)
    return stack_steps(facts, stack=stack)


def engine_step(engines_dir: Path) -> Step:
    return Step(
        "engine",
        f"Engine {ENGINE_PACK}",
        is_done=partial(engine_is_installed, engines_dir),
        apply=partial(install_engine, engines_dir),
    )


def engine_is_installed(engines_dir: Path) -> bool:
    return is_installed(load_pack(ENGINE_PACK), engines_dir=engines_dir)


def install_engine(engines_dir: Path, say: Say) -> None:
    os.environ.update(package_environment(os.environ))
    install_pack(load_pack(ENGINE_PACK), engines_dir=engines_dir, progress=say)
