"""The plan as data: what a new home needs, and that a prepared one needs nothing again."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.base.box import read_box
from appliance.base.errors import SetupError
from appliance.base.paths import Home
from appliance.base.settings import HttpSettings, Settings
from installer.programs import find_programs
from installer.setup.facts import Facts
from installer.setup.home import decide_box, home_steps
from installer.setup.plan import box_plan


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[Facts]:
    home = Home(tmp_path / "home")
    yield Facts(
        home=home,
        settings=Settings.model_validate({"home": home.root}),
        programs=find_programs(),
        box=None,
        taken_ports={},
        user="somebody",
        is_root=False,
        open_files=4096,
    )
    shutil.rmtree(home.run, ignore_errors=True)


def test_a_new_home_needs_every_step_in_this_order(facts: Facts) -> None:
    plan = box_plan(facts)
    assert [step.id for step in plan][:4] == ["home", "box", "secrets", "engine"]
    assert not any(step.is_done() for step in plan)


def test_what_was_applied_is_not_needed_again(facts: Facts) -> None:
    steps = home_steps(facts, box=decide_box(facts))
    for step in steps:
        step.apply(lambda _: None)
    assert all(step.is_done() for step in steps)
    again = replace(facts, box=read_box(facts.home))
    assert all(step.is_done() for step in home_steps(again, box=decide_box(again)))


def test_a_taken_default_port_moves_and_a_taken_chosen_one_is_refused(facts: Facts) -> None:
    taken = replace(facts, taken_ports={8080: "nginx (pid 7)"})
    assert decide_box(taken).ports.public == 8081
    http = HttpSettings.model_validate({"port": 8080})
    chosen = replace(taken, settings=facts.settings.model_copy(update={"http": http}))
    with pytest.raises(SetupError, match=r"Port 8080 is in use by nginx \(pid 7\)"):
        box_plan(chosen)


def test_planning_touches_nothing(facts: Facts) -> None:
    box_plan(facts)
    assert not facts.home.root.exists()
