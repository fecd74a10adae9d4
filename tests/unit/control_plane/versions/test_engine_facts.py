"""How long a prompt may be: by default what the entry says for the engine, at most what the model was made for."""

from control_plane.versions.domain import EngineFacts, engine_facts
from model_catalog.catalogue import find_entry


def test_the_context_is_the_limit_and_the_engines_length_the_default() -> None:
    facts = engine_facts(find_entry("qwen3.6-27b"))
    assert (facts.max_model_len, facts.longest) == (32_768, 262_144)
    assert facts.pack is None


def test_a_version_of_before_is_limited_by_its_length() -> None:
    assert EngineFacts.model_validate({"max_model_len": 2048}).longest == 2048


def test_a_model_that_reads_no_text_has_some_length() -> None:
    assert engine_facts(find_entry("cosyvoice2-0.5b")).longest > 0
