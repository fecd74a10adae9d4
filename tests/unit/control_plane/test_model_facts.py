"""What the gateway is told of a model: the catalogue's words and the pack's limits."""

from appliance.engines.pack import load_pack
from control_plane.reconcilers.model_facts import ModelFacts, model_facts


def test_a_model_without_an_entry_is_unknown() -> None:
    assert model_facts(None, pack=load_pack("vllm-cpu")) == ModelFacts(None, None)


def test_the_entry_says_what_the_model_can_and_the_pack_what_the_engine_can() -> None:
    entry = {"capabilities": ["thinking", "tools", "code", "vision"], "infill": {"template": "{prefix}|{suffix}"}}
    facts = model_facts(entry, pack=load_pack("vllm-cpu"))
    assert facts.fim_template == "{prefix}|{suffix}"
    assert facts.capabilities == {"reasoning", "tools", "vision", "structured_output", "logprobs", "several_choices"}


def test_llama_cpp_gives_one_choice_because_it_meters_one() -> None:
    facts = model_facts({"capabilities": []}, pack=load_pack("llamacpp-cpu"))
    assert facts.capabilities == {"structured_output", "logprobs"}
