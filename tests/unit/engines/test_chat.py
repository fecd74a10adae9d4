"""What the catalogue knows of a chat model reaches the engine in its own words, and what does not is said."""

from dataclasses import replace
from typing import get_args

import pytest

from appliance.engines.chat import ChatFacts, chat_flags
from appliance.engines.launch import engine_command
from appliance.engines.pack import Parsers, load_pack, pack_names
from model_catalog.vocabulary import ReasoningParser, ToolCallParser
from tests.unit.engines.values import VALUES

FACTS = ChatFacts(tool_parser="hermes", reasoning_parser="qwen3", sampling={"temperature": 0.6, "top_k": 20})


def test_vllm_is_told_parsers_and_sampling() -> None:
    flags = chat_flags(load_pack("vllm-cpu"), FACTS)
    assert flags.argv == (
        "--enable-auto-tool-choice",
        "--tool-call-parser=hermes",
        "--reasoning-parser=qwen3",
        '--override-generation-config={"temperature": 0.6, "top_k": 20}',
    )
    assert flags.lost == ()


def test_other_engines_are_told_in_their_own_words() -> None:
    argv = chat_flags(load_pack("sglang-cuda"), ChatFacts(tool_parser="openai", reasoning_parser="openai_gptoss")).argv
    assert argv == ("--tool-call-parser=gpt-oss", "--reasoning-parser=gpt-oss")
    assert chat_flags(load_pack("llamacpp-cpu"), FACTS).argv == ('--sampling={"temp": 0.6, "top_k": 20}',)
    old = chat_flags(load_pack("vllm-corex"), ChatFacts(reasoning_parser="granite"))
    assert old.argv == ("--enable-reasoning", "--reasoning-parser=granite")


def test_an_engine_without_the_parser_starts_without_it_and_says_so() -> None:
    flags = chat_flags(load_pack("vllm-kunlun"), ChatFacts(tool_parser="kimi_k3", reasoning_parser="qwen3"))
    assert flags.argv == ("--reasoning-parser=qwen3",)
    assert dict(flags.lost) == {
        "tools": "Tool calls stay in the text of its answers: vllm-kunlun 0.11.0 has no parser `kimi_k3`."
    }
    both = chat_flags(load_pack("mindie-ascend"), FACTS)
    assert both.argv == ()
    assert [capability for capability, _ in both.lost] == ["tools", "reasoning"]


def test_llamacpp_loses_nothing_because_it_reads_the_template() -> None:
    assert chat_flags(load_pack("llamacpp-cpu"), ChatFacts(tool_parser="kimi_k3", reasoning_parser="x")).lost == ()


@pytest.mark.parametrize("sampling", [{}, {"temperature": 0.0}, {"temperature": 0}, {"max_tokens": 256}])
def test_nothing_is_said_of_sampling_that_would_limit_what_may_be_asked(sampling: dict[str, float]) -> None:
    """vLLM takes `max_new_tokens` as a limit of the server, and 0 as a reason to refuse `n` above 1."""
    assert chat_flags(load_pack("vllm-cpu"), ChatFacts(sampling=sampling)).argv == ()


def test_flags_stand_before_what_an_admin_added_and_only_for_chat() -> None:
    values = replace(VALUES, chat=FACTS)
    argv = engine_command(load_pack("vllm-cpu"), task="chat", values=values, extra_argv=["--seed=1"], marks={}).argv
    assert argv[-2:] == ['--override-generation-config={"temperature": 0.6, "top_k": 20}', "--seed=1"]
    pooling = engine_command(load_pack("vllm-cpu"), task="rerank", values=values, marks={}).argv
    assert not [part for part in pooling if "parser" in part or "generation" in part]


def test_a_reranker_that_was_published_as_a_chat_model_is_read_as_one() -> None:
    plain = engine_command(load_pack("vllm-cpu"), task="rerank", values=VALUES, marks={}).argv
    qwen = replace(VALUES, architecture="Qwen3ForCausalLM")
    special = engine_command(load_pack("vllm-cpu"), task="rerank", values=qwen, marks={}).argv
    assert set(special) - set(plain) == {
        '--hf-overrides={"architectures":["Qwen3ForSequenceClassification"],'
        '"classifier_from_token":["no","yes"],"is_original_qwen3_reranker":true}'
    }
    assert engine_command(load_pack("vllm-cpu"), task="chat", values=qwen, marks={}).argv


def parsers_of_packs() -> list[tuple[Parsers, frozenset[str]]]:
    launches = [load_pack(name).launch for name in pack_names()]
    tools, reasoning = frozenset(get_args(ToolCallParser)), frozenset(get_args(ReasoningParser))
    found = [pair for launch in launches for pair in ((launch.tools, tools), (launch.reasoning, reasoning))]
    return [(parsers, known) for parsers, known in found if parsers is not None]


def test_packs_name_only_parsers_of_the_catalogue_and_each_once() -> None:
    for parsers, known in parsers_of_packs():
        named = [*parsers.names, *parsers.renamed]
        assert set(named) <= known
        assert len(named) == len(set(named))
        assert parsers.finds_itself or any("{parser}" in part for part in parsers.argv)


@pytest.mark.parametrize("name", ["vllm-cpu", "vllm-cuda"])
def test_the_engine_of_the_catalogues_words_knows_all_of_them(name: str) -> None:
    launch = load_pack(name).launch
    assert launch.tools is not None
    assert launch.reasoning is not None
    assert set(launch.tools.names) == set(get_args(ToolCallParser))
    assert set(launch.reasoning.names) == set(get_args(ReasoningParser))


def test_facts_of_a_newer_release_are_read() -> None:
    assert ChatFacts.model_validate({"tool_parser": "hermes", "template": "x"}).tool_parser == "hermes"
