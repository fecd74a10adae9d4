"""A catalogue entry's figures make the same shape as the model's own config.json."""

from pathlib import Path
from typing import Any

import pytest

from appliance.base.errors import BadRequest, NotFound
from model_catalog.bundled import SAILS_GUIDE
from model_catalog.catalogue import find_entry, load_catalogue
from model_catalog.fit.config import read_config
from model_catalog.fit.entry import count_of_variant, shape_of_entry
from model_catalog.fit.known_models import find_model
from model_catalog.fit.kv_cache import CacheRules, growth_per_token, stored_bytes
from model_catalog.fit.shape import Recurrent
from model_catalog.schema import CatalogueEntry
from tests.unit.model_catalog.fit.samples import sample


@pytest.mark.parametrize("entry", load_catalogue().values(), ids=lambda entry: entry.name)
def test_every_entry_can_be_fitted_or_says_why_not(entry: CatalogueEntry) -> None:
    if entry.no_shape is not None:
        with pytest.raises(BadRequest, match="Fit knows no shape"):
            find_model(entry.name)
        return
    model = find_model(entry.name)
    figure = entry.default_variant.weight_bytes
    assert figure is not None, "a model that fit can read has a size"
    assert model.weights().size_bytes == figure.value
    assert entry.context is not None
    assert model.shape.context == entry.context.value


@pytest.mark.parametrize("entry", load_catalogue().values(), ids=lambda entry: entry.name)
def test_a_size_that_was_counted_is_what_is_counted_now(entry: CatalogueEntry) -> None:
    for variant in entry.variants:
        figure = variant.weight_bytes
        if figure is not None and "counted from config.json" in figure.source:
            count = count_of_variant(shape_of_entry(entry), variant)
            assert count is not None
            assert count.size_bytes == figure.value, variant.name


def test_a_published_size_divides_as_a_figure_and_a_counted_one_as_the_count() -> None:
    counted_form, published = find_model("qwen3-8b").weights("bf16"), find_model("qwen3-8b").weights("awq")
    assert any(share.label == "keys and values" for share in counted_form.shares)
    assert "all other weights" in {share.label for share in published.shares}
    assert "KAITO" in published.source


def test_a_form_of_unknown_size_is_no_known_form() -> None:
    assert "w4a8" not in find_model("ernie-4.5-300b-a47b").variants


def test_the_bundled_entry_has_the_shape_of_its_files() -> None:
    shape = shape_of_entry(find_entry("sails-guide"))
    assert shape.layers == read_config(SAILS_GUIDE / "weights").layers


def entry(**architecture: Any) -> CatalogueEntry:
    document = find_entry("sails-guide").model_dump(mode="json")
    figures = {
        key: figure(value) if isinstance(value, int) and key != "encoder_only" else value
        for key, value in architecture.items()
    }
    document["architecture"] = {"name": "X", **figures}
    return CatalogueEntry.model_validate(document)


def figure(value: int) -> dict[str, object]:
    return {"value": value, "evidence": "listing", "source": "test"}


def test_windows_and_states_of_an_entry() -> None:
    made = entry(
        num_hidden_layers=60,
        hidden_size=5376,
        num_attention_heads=32,
        num_key_value_heads=4,
        head_dim=512,
        vocab_size=262_144,
        sliding_window=1024,
        sliding_window_layers=50,
        sliding_num_key_value_heads=16,
        sliding_head_dim=256,
    )
    rules = CacheRules()
    ours, theirs = shape_of_entry(made), sample("gemma-4-31b")
    assert growth_per_token(ours, rules) == growth_per_token(theirs, rules)
    assert stored_bytes(ours, 100_000, rules) == stored_bytes(theirs, 100_000, rules)


def test_a_hybrid_entry_keeps_its_state() -> None:
    made = entry(
        num_hidden_layers=4,
        hidden_size=64,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=100,
        recurrent_layers=3,
        recurrent_state_bytes=1000,
    )
    shape = shape_of_entry(made)
    assert sum(isinstance(layer, Recurrent) for layer in shape.layers) == 3
    assert stored_bytes(shape, 1, CacheRules()) == 3000 + 2 * 32 * 2


def test_an_mla_entry() -> None:
    made = entry(
        num_hidden_layers=61,
        hidden_size=7168,
        num_attention_heads=128,
        vocab_size=129_280,
        kv_lora_rank=512,
        qk_rope_head_dim=64,
        index_bytes_per_token=132,
    )
    rules = CacheRules()
    assert growth_per_token(shape_of_entry(made), rules) == growth_per_token(sample("deepseek-v3.2"), rules)


def test_a_missing_figure_is_named() -> None:
    with pytest.raises(BadRequest, match="does not give `num_key_value_heads`"):
        shape_of_entry(entry(num_hidden_layers=2, hidden_size=64, num_attention_heads=4, vocab_size=10))
    with pytest.raises(BadRequest, match="add up to more"):
        shape_of_entry(
            entry(num_hidden_layers=2, hidden_size=64, num_attention_heads=4, vocab_size=10, stateless_layers=3)
        )


def test_an_unknown_model_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nobody"):
        find_model("nobody")
    with pytest.raises(BadRequest, match="cannot be read"):
        find_model(str(tmp_path))
