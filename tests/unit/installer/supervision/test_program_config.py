"""supervisord's file, read back by supervisord's own parser: what goes in comes out."""

import shlex
from configparser import RawConfigParser
from pathlib import Path

import pytest

from appliance.base.child_env import SERVICE_MARK
from appliance.base.errors import SetupError
from appliance.base.paths import Home
from installer.readiness import Runs
from installer.services import Service
from installer.supervision.program_config import SupervisorFacts, quoted, render, section

HOME = Home(Path("/home/of/a/test"))
FACTS = SupervisorFacts(password="sesame", open_files=1024)


def service(**env: str) -> Service:
    return Service(name="echo", purpose="", argv=("/bin/echo", "a b", "100%"), env=env, probe=Runs())


def parsed(text: str) -> RawConfigParser:
    """As supervisord reads: comments begin at `;` or `#` after a blank, `%%` stands for `%`."""
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.read_string(text)
    return parser


def words(text: str) -> list[str]:
    return shlex.split(parsed(text)["program:echo"]["command"].replace("%%", "%"))


@pytest.mark.parametrize(
    "value", ["plain", "two words", "50%", "it's", 'say "yes"', "a;b", "a ; b", "a # b", "#", "a=b", "$HOME", "\\n", ""]
)
def test_any_value_reaches_the_program_unchanged(value: str) -> None:
    command = words(render(HOME, services=[service(VALUE=value)], facts=FACTS))
    assert f"VALUE={value}" in command
    assert command[:2] == ["/usr/bin/env", "-i"]
    assert command[-3:] == ["/bin/echo", "a b", "100%"]


def test_a_line_break_is_refused() -> None:
    with pytest.raises(SetupError, match="line break"):
        render(HOME, services=[service(VALUE="a\nb")], facts=FACTS)


def test_every_program_carries_its_service_mark() -> None:
    assert f"{SERVICE_MARK}=echo" in words(render(HOME, services=[service()], facts=FACTS))


def test_the_password_is_not_in_the_file() -> None:
    text = render(HOME, services=[service()], facts=FACTS)
    assert "sesame" not in text
    assert "{SHA}" in text


def test_a_changed_file_of_a_service_changes_its_command() -> None:
    before = Service(name="echo", purpose="", argv=("/bin/echo",), env={}, probe=Runs(), config="a")
    after = Service(name="echo", purpose="", argv=("/bin/echo",), env={}, probe=Runs(), config="b")
    assert render(HOME, services=[before], facts=FACTS) != render(HOME, services=[after], facts=FACTS)


def test_root_is_named_only_when_started_as_root() -> None:
    as_root = SupervisorFacts(password="sesame", open_files=1024, run_as="root")
    assert "user = root" in render(HOME, services=[], facts=as_root)
    assert "\nuser = " not in render(HOME, services=[], facts=FACTS)


def test_percent_signs_are_doubled() -> None:
    assert section("a", {"b": "50%"}) == "[a]\nb = 50%%\n"


def test_quoted_is_one_word() -> None:
    assert shlex.split(quoted("a ; b # c")) == ["a ; b # c"]
