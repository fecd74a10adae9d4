import json
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.base.errors import BadRequest
from appliance.weights.safety import Rules, examine_folder


def refusal(folder: Path) -> str:
    with pytest.raises(BadRequest) as caught:
        examine_folder(folder)
    return f"{caught.value.message} {caught.value.hint or ''}"


def test_a_sound_folder_is_listed_and_the_rest_is_named(model_folder: Path) -> None:
    found = examine_folder(model_folder)
    assert [file.path for file in found.files] == [
        "1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip
    assert found.left_out == ("picture.png",)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "a.pt", "b.pth", "c.pkl", "d.ckpt", "deep/E.PT"])
def test_pickle_is_refused_by_its_name(model_folder: Path, name: str) -> None:
    path = model_folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"anything")
    assert "pickle" in refusal(model_folder)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickle_is_refused_under_another_name(model_folder: Path, protocol: int) -> None:
    (model_folder / "vocab.txt").write_bytes(pickle.dumps({"a": 1}, protocol=protocol))
    assert "vocab.txt: is a pickle" in refusal(model_folder)


def test_an_archive_is_refused_under_another_name(model_folder: Path) -> None:
    with zipfile.ZipFile(model_folder / "tokenizer.model", "w") as archive:
        archive.writestr("data.pkl", b"")
    assert "archive" in refusal(model_folder)


def test_code_and_what_asks_for_it_is_refused(model_folder: Path) -> None:
    (model_folder / "config.json").write_text(json.dumps({"nested": [{"auto_map": {"AutoModel": "modeling.X"}}]}))
    assert "auto_map" in refusal(model_folder)
    (model_folder / "config.json").write_text("{}")
    (model_folder / "modeling.py").write_text("import os")
    assert "program code" in refusal(model_folder)


def test_deep_nesting_does_not_break_the_check(model_folder: Path) -> None:
    (model_folder / "config.json").write_text("[" * 100_000 + "]" * 100_000)
    assert "is not JSON" in refusal(model_folder)


def test_code_may_be_left_out(model_folder: Path) -> None:
    (model_folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "modeling.X"}}))
    (model_folder / "modeling.py").write_text("import os")
    found = examine_folder(model_folder, rules=Rules(leave_code_out=True))
    assert found.left_out == ("modeling.py", "picture.png")


@pytest.mark.parametrize("protocol", [0, 1])
def test_old_pickles_are_found_by_their_opcodes(model_folder: Path, protocol: int) -> None:
    (model_folder / "vocab.txt").write_bytes(pickle.dumps(Path("x"), protocol=protocol))
    assert "vocab.txt: is a pickle" in refusal(model_folder)


@pytest.mark.parametrize("text", ["cat\ndog\nfish\n", "(c) 2026 by us.\n", "I1\n.", "", "Nothing.", "0 1 2\n"])
def test_ordinary_texts_are_no_pickles(model_folder: Path, text: str) -> None:
    (model_folder / "vocab.txt").write_text(text)
    assert "vocab.txt" in {file.path for file in examine_folder(model_folder).files}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 200), patch=st.binary(min_size=1, max_size=16))
def test_altered_safetensors_are_taken_or_refused_but_never_crash(model_folder: Path, place: int, patch: bytes) -> None:
    path = model_folder / "altered.safetensors"
    content = bytearray((model_folder / "model.safetensors").read_bytes())
    content[place : place + len(patch)] = patch
    path.write_bytes(content)
    try:
        taken = len(examine_folder(model_folder).files)
    except BadRequest:
        taken = 0
    assert taken in (0, 5)
    path.unlink()


def test_links_are_refused(model_folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (model_folder / "more").symlink_to(outside)
    assert "is a link" in refusal(model_folder)
    (model_folder / "more").unlink()
    (model_folder / "extra.json").symlink_to("/etc/hostname")
    assert "is a link" in refusal(model_folder)


def test_a_header_that_lies_is_refused_before_anything_is_allocated(model_folder: Path) -> None:
    path = model_folder / "model.safetensors"
    whole = path.read_bytes()
    for content in (
        b"", whole[:4], whole[:100], whole[:-1], whole + b"x", struct.pack("<Q", 1 << 62) + whole[8:],
    ):  # fmt: skip
        path.write_bytes(content)
        assert "model.safetensors: is not a whole safetensors file" in refusal(model_folder)


def test_offsets_beyond_the_file_are_refused(model_folder: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    (model_folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 16)
    assert "not a whole safetensors" in refusal(model_folder)


def test_a_missing_shard_is_named(model_folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002.safetensors"}}
    (model_folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "model-00002.safetensors, which is not there" in refusal(model_folder)


@pytest.mark.parametrize(("content", "words"), [(b"GGUF", "GGUF"), (b"GGUF" + struct.pack("<I", 9), "version 9")])
def test_gguf_needs_its_magic_and_a_known_version(model_folder: Path, content: bytes, words: str) -> None:
    (model_folder / "model.gguf").write_bytes(content)
    assert words in refusal(model_folder)
    (model_folder / "model.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 0))
    assert len(examine_folder(model_folder).files) == 5


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert "has no weights" in refusal(tmp_path)
    assert "is not a folder" in refusal(tmp_path / "nowhere")
