"""What the gateway is told of a served model beyond its name: what it can do, and how it fills a gap. Pure.

From the catalogue's entry comes what the weights were made for, from the engine pack what the engine does with any
weights. A model without an entry is unknown (None): then the engine judges.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.engines.pack import EnginePack

OF_THE_MODEL = {
    "tools": "tools",
    "reasoning": "reasoning",
    "thinking": "reasoning",
    "vision": "vision",
    "ocr": "vision",
    "audio": "audio",
    "video": "video",
}
"""The catalogue's words, and the gateway's (`appliance.gateway.wire.needs`)."""
OF_ANY_ENGINE = frozenset({"structured_output", "logprobs", "several_choices"})
LIMITS = {
    "usage_of_one_answer": "several_choices",
    "no_structured_output": "structured_output",
    "no_logprobs": "logprobs",
}
"""Known limits of a pack that take a capability away."""


@dataclass(frozen=True)
class ModelFacts:
    capabilities: frozenset[str] | None = None
    fim_template: str | None = None


def model_facts(entry: Mapping[str, Any] | None, *, pack: EnginePack | None) -> ModelFacts:
    """`entry` as the catalogue's row holds it; `pack` the one that is chosen, None where any may run it."""
    if entry is None:
        return ModelFacts()
    words = {OF_THE_MODEL[word] for word in entry.get("capabilities") or () if word in OF_THE_MODEL}
    lost = {LIMITS[limit.code] for limit in pack.known_limits if limit.code in LIMITS} if pack else set[str]()
    infill: Mapping[str, str] = entry.get("infill") or {}
    return ModelFacts(frozenset(words | OF_ANY_ENGINE) - lost, infill.get("template"))
