"""What the catalogue knows of a chat model, said to an engine in its own words, and what is lost on this engine. Pure.

An engine that is given the name of a parser it does not have ends at once, and would be started again and again: so a
name goes only to an engine whose pack lists it, and what is lost without it is said to people.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from appliance.engines.pack import EnginePack, Parsers, Sampling

TOOLS = "tools"
REASONING = "reasoning"
"""As `model_catalog.vocabulary.Capability` has them."""


class ChatFacts(BaseModel):
    """Neutral: names of parsers as the catalogue has them, which are vLLM's. `sampling`: the publisher's advice.

    Unknown fields are let through, as an older release reads what a newer one wrote.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    tool_parser: str | None = None
    reasoning_parser: str | None = None
    sampling: dict[str, int | float] = {}


@dataclass(frozen=True)
class ChatFlags:
    """`lost`: the capabilities that the model has and this engine does not bring out, with a sentence on each."""

    argv: tuple[str, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()

    @property
    def remark(self) -> str | None:
        return " ".join(sentence for _, sentence in self.lost) or None


def chat_flags(pack: EnginePack, facts: ChatFacts) -> ChatFlags:
    """For the end of the pack's templates; `{` and `}` in it are meant as they stand."""
    launch = pack.launch
    argv: list[str] = []
    lost: list[tuple[str, str]] = []
    for capability, parsers, wanted, without in (
        (TOOLS, launch.tools, facts.tool_parser, "Tool calls stay in the text of its answers"),
        (REASONING, launch.reasoning, facts.reasoning_parser, "Reasoning stays in the text of its answers"),
    ):
        if wanted is None or (parsers is not None and parsers.finds_itself):
            continue
        name = engine_name(parsers, wanted)
        if parsers is None or name is None:
            lost.append((capability, f"{without}: {pack.name} {pack.version} has no parser `{wanted}`."))
        else:
            argv += [part.format(parser=name) for part in parsers.argv]
    return ChatFlags((*argv, *sampling_argv(launch.sampling, facts)), tuple(lost))


def engine_name(parsers: Parsers | None, wanted: str) -> str | None:
    if parsers is None:
        return None
    return wanted if wanted in parsers.names else parsers.renamed.get(wanted)


def sampling_argv(sampling: Sampling | None, facts: ChatFacts) -> Iterator[str]:
    """A temperature of 0 is left to the client: with it as the default, vLLM refuses every request for several answers
    that names no other (`SamplingParams._verify_greedy_sampling`).
    """
    if sampling is None:
        return
    named = {
        sampling.names[name]: value
        for name, value in facts.sampling.items()
        if name in sampling.names and (name, value) != ("temperature", 0)
    }
    if named:
        yield from (part.format(sampling=json.dumps(named)) for part in sampling.argv)
