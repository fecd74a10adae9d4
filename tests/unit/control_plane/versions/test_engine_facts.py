"""How long a prompt may be: by default what the entry says for the engine, at most what the model was made for."""

from control_plane.versions.domain import EngineFacts, engine_facts
from model_catalog.catalogue import find_entry, load_catalogue


def test_the_context_is_the_limit_and_the_engines_length_the_default() -> None:
    facts = engine_facts(find_entry("qwen3.6-27b"))
    assert (facts.max_model_len, facts.longest) == (32_768, 262_144)
    assert facts.pack is None


def test_a_version_of_before_is_limited_by_its_length() -> None:
    assert EngineFacts.model_validate({"max_model_len": 2048}).longest == 2048


def test_a_model_that_reads_no_text_has_some_length() -> None:
    assert engine_facts(find_entry("cosyvoice2-0.5b")).longest > 0


def test_what_the_catalogue_knows_travels_with_the_version() -> None:
    entry = find_entry("qwen3.6-27b")
    facts = engine_facts(entry, entry.default_variant)
    assert facts.chat is not None
    assert (facts.chat.tool_parser, facts.chat.reasoning_parser) == ("qwen3_coder", "qwen3")
    assert facts.chat.sampling
    assert {"tools", "reasoning", "vision"} <= set(facts.capabilities)
    assert EngineFacts.model_validate(facts.model_dump(mode="json")) == facts


def test_the_variant_says_how_it_is_quantized_and_for_what() -> None:
    variants = [(entry, variant) for entry in load_catalogue().values() for variant in entry.variants]
    for entry, variant in variants:
        facts = engine_facts(entry, variant)
        assert facts.quantization == variant.quantization
        assert facts.accelerators == variant.accelerators


def test_the_bundled_model_has_no_parser() -> None:
    chat = engine_facts(find_entry("sails-guide")).chat
    assert chat is not None
    assert (chat.tool_parser, chat.reasoning_parser, chat.sampling["temperature"]) == (None, None, 0)


def test_a_version_of_before_has_no_such_facts_and_an_unknown_field_is_let_through() -> None:
    before = EngineFacts.model_validate({"pack": "vllm-cpu", "max_model_len": 2048, "sealed": None})
    assert (before.chat, before.capabilities, before.quantization) == (None, (), None)
    assert EngineFacts.model_validate({"of_the_next_release": 1}) == EngineFacts()
