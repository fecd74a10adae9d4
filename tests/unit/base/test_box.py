"""`box.json` survives a round trip and refuses what it does not understand."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from appliance.base.box import HOME_FORMAT, Box, Ports, parse_box
from appliance.base.errors import NewerFormat, SetupError
from appliance.base.ids import new_uuid

PORTS = Ports.model_validate({name: 20000 + number for number, name in enumerate(Ports.model_fields)})


def written(path: Path, **change: object) -> Path:
    box = Box(node_id=new_uuid(), ports=PORTS)
    path.write_text(json.dumps({**json.loads(box.model_dump_json()), **change}))
    return path


def test_a_box_is_read_back(tmp_path: Path) -> None:
    box = parse_box(written(tmp_path / "box.json"))
    assert box.ports == PORTS
    assert isinstance(box.node_id, UUID)


def test_a_newer_format_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NewerFormat, match=f"has format {HOME_FORMAT + 1}"):
        parse_box(written(tmp_path / "box.json", format=HOME_FORMAT + 1))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "x"}', '{"format": 1}'])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "box.json"
    path.write_text(content)
    with pytest.raises(SetupError, match=r"box\.json is damaged"):
        parse_box(path)
