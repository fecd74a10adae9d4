"""A catalogue file of others: whatever it holds, it is read, or refused with a sentence, in bounded memory."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.base.errors import SetupError
from model_catalog.catalogue import ENTRIES_FOLDER, load_family
from model_catalog.strict_yaml import MOST_CHARACTERS, parse_yaml

LINES = (ENTRIES_FOLDER / "sentence_transformers.yaml").read_text().splitlines()


def refusal(read: Callable[[], object]) -> str | None:
    try:
        read()
    except (ValueError, SetupError) as refused:
        return str(refused)
    return None


@pytest.mark.parametrize("path", sorted(ENTRIES_FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_shipped_is_read_as_the_plain_library_reads_it(path: Path) -> None:
    text = path.read_text()
    assert parse_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2", "`a` is there twice"),
        ("a: 2021-13-45", "month"),
        ("? [a]\n: 1", "unhashable"),
        ("a: &x [*x]", "nested"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("[" * 500, "flow"),
        ("a: " + "[" * 100 + "]" * 100, "nested"),
        ("a: 'open", "quoted scalar"),
        ("a: 1\n---\nb: 2", "single document"),
        ("a" * (MOST_CHARACTERS + 1), "characters"),
    ],
)
def test_what_is_no_catalogue_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_yaml(text)


def test_aliases_of_aliases_are_counted_before_they_are_written_out() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ValueError, match="more than 1,000,000 values"):
        parse_yaml("\n".join(lines))


@given(text=st.text(alphabet=st.sampled_from("ab:-{}[]&*!|>'\"#%@?,\n 0123456789.eE+~<"), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert refusal(lambda: parse_yaml(text)) != ""


@given(
    cut=st.integers(0, len(LINES)),
    place=st.integers(0, len(LINES) - 1),
    junk=st.sampled_from(["  - ", "x: {", "value: .inf", "\t", "*a", "name: 1e400", "&a", "- - -", "{}: {}"]),
)
def test_a_mutilated_file_is_refused_with_its_name(
    cut: int, place: int, junk: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("family") / "sentence_transformers.yaml"
    path.write_text("\n".join([*LINES[:place], junk, *LINES[place + 1 : cut]]))
    assert path.name in (refusal(lambda: load_family(path)) or path.name)
