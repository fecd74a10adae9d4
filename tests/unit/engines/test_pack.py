"""Every pack that ships is complete: its files exist, its templates fill in, its locks carry hashes."""

import re
from dataclasses import replace

import pytest
from pydantic import ValidationError

from appliance.base.errors import NotFound, SetupError
from appliance.engines.launch import engine_command
from appliance.engines.pack import EnginePack, Environment, Listening, load_pack, pack_names
from tests.unit.engines.values import VALUES

PINNED = re.compile(r"^[a-z0-9][a-z0-9._-]*==\S+ \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def environments() -> list[tuple[EnginePack, Environment]]:
    packs = [load_pack(name) for name in pack_names()]
    return [(pack, pack.install) for pack in packs if isinstance(pack.install, Environment)]


def pack_id(value: object) -> str:
    return value.name if isinstance(value, EnginePack) else ""


@pytest.mark.parametrize(("pack", "install"), environments(), ids=pack_id)
def test_locked_files_are_pinned_with_hashes(pack: EnginePack, install: Environment) -> None:
    for file in install.files:
        lines = [line for line in pack.file(file).read_text().splitlines() if not line.startswith("#")]
        assert lines
        assert [line for line in lines if not (PINNED.match(line) or HASH.match(line))] == []


@pytest.mark.parametrize(("pack", "install"), environments(), ids=pack_id)
def test_the_engine_itself_is_locked_in_the_packs_version(pack: EnginePack, install: Environment) -> None:
    assert f"{pack.distribution}=={pack.version} \\" in pack.file(install.requirements).read_text().splitlines()


def test_both_builds_of_torch_are_one_release() -> None:
    for pack, install in environments():
        if install.torch:
            locked = [pack.file(file).read_text() for file in (install.torch.cpu, install.torch.accelerated)]
            found = [re.search(r"^torch==([0-9.]+)", text, re.MULTILINE) for text in locked]
            assert len({match.group(1) for match in found if match}) == 1
            assert None not in found


def test_what_cannot_run_here_is_marked_unverified() -> None:
    for pack in (load_pack(name) for name in pack_names()):
        assert pack.evidence == ("conformance" if "cpu" in pack.accelerators else "unverified")


def listening_on(kind: Listening) -> list[str]:
    return [name for name in pack_names() if kind in load_pack(name).launch.listen_argv]


@pytest.mark.parametrize("name", listening_on("unix"))
def test_launch_templates_fill_in_for_every_task(name: str) -> None:
    pack = load_pack(name)
    for task in pack.tasks:
        command = engine_command(pack, task=task, values=VALUES, extra_argv=["--seed=1"], marks={"MARK": "x"})
        assert command.argv
        assert command.argv[-1] == "--seed=1"
        assert not [part for part in [*command.argv, *command.env.values()] if "{" in part]
        assert command.env["MARK"] == "x"


@pytest.mark.parametrize("name", sorted(set(pack_names()) - set(listening_on("unix"))))
def test_an_engine_without_a_unix_socket_is_refused_on_one_box(name: str) -> None:
    with pytest.raises(SetupError, match="listens on a port only"):
        engine_command(load_pack(name), task="chat", values=VALUES, marks={})


def test_more_cards_add_the_parallel_flags_and_their_choice() -> None:
    values = replace(VALUES, tensor_parallel_size=4, cards={"CUDA_VISIBLE_DEVICES": "0,1,2,3"})
    command = engine_command(load_pack("vllm-cuda"), task="chat", values=values, marks={})
    assert "--tensor-parallel-size=4" in command.argv
    assert command.env["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"


def test_an_unknown_pack_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match="no engine pack") as caught:
        load_pack("nothing")
    assert "vllm-cpu" in str(caught.value.hint)


def test_a_misspelt_field_is_refused() -> None:
    raw = load_pack("vllm-cpu").model_dump()
    with pytest.raises(ValidationError, match="healt_path"):
        EnginePack.model_validate({**raw, "probe": {**raw["probe"], "healt_path": "/x"}})
