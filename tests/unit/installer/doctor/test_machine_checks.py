"""`doctor` names what is open to others and says how to close it."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.base.box import Box
from appliance.base.ids import new_uuid
from appliance.base.paths import Home
from appliance.base.settings import Settings
from installer.doctor.finding import Finding
from installer.doctor.machine_checks import check_disk, check_home, check_secrets
from installer.programs import find_programs
from installer.setup.facts import Facts
from installer.setup.ports import choose_ports


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    home = Home(tmp_path / "home")
    home.secrets.mkdir(parents=True, mode=0o700)
    home.root.chmod(0o700)
    return Facts(
        home=home,
        settings=Settings.model_validate({"home": home.root}),
        programs=find_programs(),
        box=Box(node_id=new_uuid(), ports=choose_ports(home_key=home.key, taken={}, explicit_public=None)),
        taken_ports={},
        user="somebody",
        is_root=False,
        open_files=4096,
    )


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level for finding in findings]


def test_a_private_home_is_fine(facts: Facts) -> None:
    assert levels([*check_home(facts), *check_secrets(facts)]) == ["ok", "ok"]


def test_a_home_open_to_others_is_named_with_the_command_that_closes_it(facts: Facts) -> None:
    facts.home.root.chmod(0o755)
    (finding,) = (each for each in check_home(facts) if each.level == "fail")
    assert finding.what_to_do == f"chmod 700 {facts.home.root}"


def test_no_home_yet_is_no_failure(facts: Facts) -> None:
    (finding,) = check_home(replace(facts, box=None))
    assert (finding.level, finding.what_to_do) == ("warn", "Run `appliance up`.")


def test_a_readable_secret_is_named(facts: Facts) -> None:
    secret = facts.home.secrets / "ray_token"
    secret.write_text("x")
    secret.chmod(0o644)
    (finding,) = check_secrets(facts)
    assert finding.level == "fail"
    assert "ray_token" in finding.message


def test_the_disk_is_judged_where_it_lies(facts: Facts) -> None:
    assert all(str(facts.home.root) in finding.message for finding in check_disk(facts))
    assert levels(list(check_disk(facts)))
