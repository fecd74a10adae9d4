"""What the entries that are shipped have to say, all of them."""

from collections import Counter
from collections.abc import Iterator
from typing import cast, get_args

import pytest

from appliance.engines.pack import load_pack, pack_names
from model_catalog.catalogue import in_display_order, load_catalogue
from model_catalog.fit.cards import load_cards
from model_catalog.fit.config import shape_of_config
from model_catalog.fit.entry import shape_of_entry
from model_catalog.fit.known_models import find_model
from model_catalog.fit.validated import load_rows, validated_name
from model_catalog.schema import CatalogueEntry, Evidence, HubSource
from model_catalog.vocabulary import SERVED_TASKS, Accelerator, Capability, Task

ENTRIES = load_catalogue()
FIRST_FAMILIES = ("ernie", "qwen", "deepseek", "glm", "kimi", "llama", "mistral", "gpt_oss", "gemma", "phi", "minimax")
LEAST = 80

each = pytest.mark.parametrize("entry", ENTRIES.values(), ids=lambda entry: entry.name)


def test_there_are_enough_and_of_every_task_and_many_capabilities() -> None:
    assert len(ENTRIES) >= LEAST
    assert {entry.task for entry in ENTRIES.values()} == set(Task)
    said = {capability for entry in ENTRIES.values() for capability in entry.capabilities}
    assert said == set(Capability)


def test_people_see_ernie_first_then_the_others_in_their_order() -> None:
    shown = in_display_order(entry for entry in ENTRIES.values() if entry.task is Task.CHAT)
    assert shown[0].family == "ernie"
    firsts = [next(i for i, entry in enumerate(shown) if entry.family.startswith(family)) for family in FIRST_FAMILIES]
    assert firsts == sorted(firsts)


@each
def test_an_entry_speaks_both_languages(entry: CatalogueEntry) -> None:
    assert any("\u4e00" <= letter <= "\u9fff" for letter in entry.description.zh)
    assert entry.description.en.isascii()
    assert entry.description.en.endswith(".")
    assert entry.description.zh.endswith("。")


def traced(value: object) -> Iterator[dict[str, object]]:
    """Whatever in an entry has evidence, however deep it stands."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        if fields.get("evidence") is not None:
            yield fields
        for inner in fields.values():
            yield from traced(inner)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from traced(inner)


@each
def test_every_figure_says_where_it_comes_from(entry: CatalogueEntry) -> None:
    """What stands here from memory, or was not read, is never called more than unverified."""
    found = list(traced(entry.model_dump(mode="json")))
    assert found or entry.no_shape
    for fields in found:
        source = str(fields["source"])
        assert len(source) >= 4
        assert fields["evidence"] == Evidence.UNVERIFIED or not ("remembered" in source or "not read" in source)


@each
def test_a_config_is_one_that_fit_reads_and_agrees_with_the_context(entry: CatalogueEntry) -> None:
    if entry.config is None or entry.context is None:
        return
    shape = shape_of_config(entry.config.values)
    stated = entry.context
    assert shape.context >= stated.value or stated.source != "max_position_embeddings of config.json"


@each
def test_counted_parameters_are_near_those_that_the_publisher_names(entry: CatalogueEntry) -> None:
    """A vision part, multi-token prediction and the rounding of names account for the rest."""
    if entry.config is None or entry.parameters is None:
        return
    counted = shape_of_entry(entry).parameters
    if counted:
        assert counted == pytest.approx(entry.parameters.value, rel=0.2)


@each
def test_a_default_pack_exists_and_serves_the_task(entry: CatalogueEntry) -> None:
    if entry.engine.pack is not None:
        assert entry.engine.pack in pack_names()
        assert entry.task in load_pack(entry.engine.pack).tasks


def test_the_packs_serve_the_tasks_that_we_call_served() -> None:
    assert {task for name in pack_names() for task in load_pack(name).tasks} == {task.value for task in SERVED_TASKS}


def test_families_of_accelerators_are_those_of_packs_and_cards() -> None:
    known = {family for name in pack_names() for family in load_pack(name).accelerators}
    assert known | {card.family for card in load_cards().values()} == set(get_args(Accelerator))


@each
def test_a_quantized_form_names_its_quantization(entry: CatalogueEntry) -> None:
    for variant in entry.variants:
        assert variant.quantization is not None or variant.name in {"bf16", "f16", "f32", "bundled"}
        assert not variant.at_load or variant.quantization is not None


@each
def test_a_model_of_a_hub_can_be_found_on_one_and_has_no_invented_digest(entry: CatalogueEntry) -> None:
    for variant in entry.variants:
        if isinstance(variant.source, HubSource):
            assert not variant.files


def ids_of(source: HubSource) -> list[str]:
    return [hub.value for hub in (source.huggingface, source.modelscope) if hub is not None]


def test_hub_ids_that_differ_are_kept_apart() -> None:
    source = ENTRIES["glm-4.7"].default_variant.source
    assert isinstance(source, HubSource)
    assert ids_of(source) == ["zai-org/GLM-4.7", "ZhipuAI/GLM-4.7"]
    ascend = [variant for variant in ENTRIES["qwen3-8b"].variants if variant.accelerators == ("cann",)]
    assert [ids_of(variant.source) for variant in ascend if isinstance(variant.source, HubSource)] == [
        ["vllm-ascend/Qwen3-8B-W8A8"]
    ]


def test_licences_that_forbid_commerce_or_ask_for_an_agreement_are_flagged() -> None:
    closed = {name for name, entry in ENTRIES.items() if not entry.licence.commercial}
    assert closed == {"jina-embeddings-v3", "jina-reranker-m0", "minimax-m2.7"}
    gated = {entry.family for entry in ENTRIES.values() if entry.licence.gated}
    assert gated == {"llama", "gemma"}
    assert all(entry.licence.note is not None for entry in ENTRIES.values() if not entry.licence.commercial)


@each
def test_a_licence_has_one_meaning(entry: CatalogueEntry) -> None:
    same = [other.licence for other in ENTRIES.values() if other.licence.id == entry.licence.id]
    assert {licence.commercial for licence in same} == {entry.licence.commercial}


def test_every_published_row_is_of_an_entry_which_says_so() -> None:
    for row in load_rows():
        assert ENTRIES[row.model].validated_as == row.model


def test_who_shares_the_rows_of_another_has_its_shape_and_its_forms() -> None:
    sharing = [entry for entry in ENTRIES.values() if entry.validated_as not in {None, entry.name}]
    assert sharing
    for entry in sharing:
        ours, theirs = find_model(entry.name), find_model(validated_name(entry.name))
        assert ours.shape.layers == theirs.shape.layers
        for form in ours.variants.keys() & theirs.variants.keys():
            assert ours.weights(form).size_bytes == theirs.weights(form).size_bytes


def test_a_successor_is_newer_and_no_circle() -> None:
    for entry in ENTRIES.values():
        seen, older = {entry.name}, entry
        while older.successor is not None:
            later = ENTRIES[older.successor.value]
            assert later.task is older.task
            assert not (older.introduced and later.introduced) or (
                later.introduced.value[:7] >= older.introduced.value[:7]
            )
            assert later.name not in seen
            seen.add(later.name)
            older = later


def test_no_two_entries_show_one_name() -> None:
    assert max(Counter(entry.display_name.en for entry in ENTRIES.values()).values()) == 1
