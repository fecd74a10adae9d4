"""What a chat request asks of its model beyond text, and the refusal where the model's facts say that it cannot.

A model whose capabilities nobody knows (None) is asked all the same: then the engine judges.
"""

from collections.abc import Iterable, Mapping

from appliance.base.contracts.snapshot import SnapshotModel
from appliance.base.errors import BadRequest
from appliance.gateway.json_objects import as_object
from appliance.gateway.wire.fields import Fields
from appliance.gateway.wire.parsed import Need

TOOLS, STRUCTURED_OUTPUT, LOGPROBS, REASONING = "tools", "structured_output", "logprobs", "reasoning"
VISION, AUDIO, VIDEO, SEVERAL_CHOICES = "vision", "audio", "video", "several_choices"

FIELDS = {
    "tools": TOOLS,
    "functions": TOOLS,
    "guided_json": STRUCTURED_OUTPUT,
    "guided_regex": STRUCTURED_OUTPUT,
    "guided_choice": STRUCTURED_OUTPUT,
    "guided_grammar": STRUCTURED_OUTPUT,
    "structured_outputs": STRUCTURED_OUTPUT,
    "logprobs": LOGPROBS,
    "top_logprobs": LOGPROBS,
}
ASKING = frozenset({*FIELDS, "response_format", "reasoning_effort", "n"})
NO_NAMES: Mapping[str, str] = {}
PARTS = {"image_url": VISION, "input_audio": AUDIO, "audio_url": AUDIO, "video_url": VIDEO}
WORDS = {
    TOOLS: "call tools",
    STRUCTURED_OUTPUT: "answer in a given structure",
    LOGPROBS: "give log probabilities",
    REASONING: "reason before it answers",
    VISION: "see images",
    AUDIO: "hear audio",
    VIDEO: "see videos",
    SEVERAL_CHOICES: "give more than one choice",
}
WITHOUT_EFFORT = (None, "none")


def needs_of(
    fields: Fields, *, media: Iterable[tuple[str, str]] = (), names: Mapping[str, str] = NO_NAMES
) -> tuple[Need, ...]:
    """`media` are the kinds of media with their places; `names` says what the client calls a field."""
    if fields.keys().isdisjoint(ASKING):
        return tuple(Need(PARTS[kind], place) for kind, place in media)
    found = [Need(FIELDS[name], names.get(name, name)) for name in FIELDS.keys() & fields.keys() if fields[name]]
    if (as_object(fields.get("response_format")) or {}).get("type") in ("json_object", "json_schema"):
        found.append(Need(STRUCTURED_OUTPUT, names.get("response_format", "response_format")))
    if fields.get("reasoning_effort") not in WITHOUT_EFFORT:
        found.append(Need(REASONING, names.get("reasoning_effort", "reasoning_effort")))
    if isinstance(fields.get("n"), int) and fields["n"] > 1:
        found.append(Need(SEVERAL_CHOICES, "n"))
    found += [Need(PARTS[kind], place) for kind, place in media]
    return tuple(found)


def require_capabilities(model: SnapshotModel, *, needs: tuple[Need, ...]) -> None:
    """Raises BadRequest for the first thing that the model cannot do."""
    able = model.capabilities
    if able is None:
        return
    for need in needs:
        if need.capability not in able:
            can = ", ".join(WORDS[word] for word in WORDS if word in able)
            raise BadRequest(
                f"The model '{model.name}' cannot {WORDS[need.capability]}.",
                hint=f"It can {can}." if can else "It reads and writes text only.",
                param=need.param,
                code="not_supported_by_model",
            )
