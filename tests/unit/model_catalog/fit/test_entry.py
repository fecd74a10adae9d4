"""A catalogue entry's figures make the same shape as the model's own config.json."""

from pathlib import Path
from typing import Any

import pytest

from appliance.base.errors import BadRequest, NotFound
from model_catalog.bundled import SAILS_GUIDE
from model_catalog.catalogue import find_entry, load_catalogue
from model_catalog.fit.config import read_config
from model_catalog.fit.entry import shape_of_entry
from model_catalog.fit.known_models import find_model
from model_catalog.fit.kv_cache import CacheRules, growth_per_token, stored_bytes
from model_catalog.fit.shape import Recurrent
from model_catalog.schema import CatalogueEntry
from tests.unit.model_catalog.fit.samples import sample


def test_every_entry_of_the_catalogue_can_be_fitted() -> None:
    for entry in load_catalogue().values():
        model = find_model(entry.name)
        assert model.weights().size_bytes == entry.default_variant.weight_bytes.value


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
