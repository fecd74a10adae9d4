"""Every pack that ships is complete: its files exist, its templates fill in, its locks carry hashes."""

import re

import pytest
from pydantic import ValidationError

from appliance.base.errors import NotFound
from appliance.engines.launch import engine_command
from appliance.engines.pack import EnginePack, load_pack, pack_names
from tests.unit.engines.values import VALUES

PINNED = re.compile(r"^[a-z0-9][a-z0-9._-]*==\S+ \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


@pytest.mark.parametrize("name", pack_names())
def test_locked_files_are_pinned_with_hashes(name: str) -> None:
    install = load_pack(name).install
    for file in (install.requirements, install.cpu_torch, install.accelerated_torch):
        lines = [line for line in load_pack(name).file(file).read_text().splitlines() if not line.startswith("#")]
        assert lines
        assert [line for line in lines if not (PINNED.match(line) or HASH.match(line))] == []


@pytest.mark.parametrize("name", pack_names())
def test_the_engine_itself_is_locked_in_the_packs_version(name: str) -> None:
    pack = load_pack(name)
    assert f"{pack.distribution}=={pack.version} \\" in pack.file(pack.install.requirements).read_text().splitlines()


@pytest.mark.parametrize("name", pack_names())
def test_both_builds_of_torch_are_one_release(name: str) -> None:
    pack = load_pack(name)
    versions = {
        re.search(r"^torch==([0-9.]+)", pack.file(file).read_text(), re.MULTILINE)
        for file in (pack.install.cpu_torch, pack.install.accelerated_torch)
    }
    assert len({found.group(1) for found in versions if found}) == 1
    assert None not in versions


@pytest.mark.parametrize("name", pack_names())
def test_launch_templates_fill_in_for_every_task(name: str) -> None:
    pack = load_pack(name)
    for task in pack.tasks:
        command = engine_command(pack, task=task, values=VALUES, extra_argv=["--seed=1"], marks={"MARK": "x"})
        assert command.argv[0] == "/env/bin/python"
        assert command.argv[-1] == "--seed=1"
        assert not [part for part in [*command.argv, *command.env.values()] if "{" in part]
        assert command.env["MARK"] == "x"


def test_an_unknown_pack_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match="no engine pack") as caught:
        load_pack("nothing")
    assert "vllm-cpu" in str(caught.value.hint)


def test_a_misspelt_field_is_refused() -> None:
    raw = load_pack("vllm-cpu").model_dump()
    with pytest.raises(ValidationError, match="healt_path"):
        EnginePack.model_validate({**raw, "probe": {**raw["probe"], "healt_path": "/x"}})
