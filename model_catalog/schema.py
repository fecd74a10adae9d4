"""What a catalogue entry says, typed and strict: a misspelt field, a wrong unit or an unknown word is refused."""

from datetime import date
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from model_catalog.vocabulary import Accelerator, Capability, QuantizationForm, ReasoningParser, Task, ToolCallParser

LAST_IN_ORDER = 10_000
SPEECH = frozenset({Task.SPEECH_TO_TEXT, Task.TEXT_TO_SPEECH})

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[.-][a-z0-9]+)*$", max_length=80)]
Sha256 = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{64})?$")]
Bytes = Annotated[int, Field(ge=0)]
Tokens = Annotated[int, Field(gt=0)]
Day = Annotated[str, Field(pattern=r"^\d{4}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?$")]
"""A month where nobody says the day."""
HubId = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(StrEnum):
    """How a figure is known."""

    LISTING = "listing"  # a published page or file says so; the source names it
    COMPUTED = "computed"  # worked out from the files
    MEASURED = "measured"  # we ran it
    UNVERIFIED = "unverified"  # somebody said so


class Figure(Strict):
    """A number that can be traced: who says so, and how we know."""

    value: int | float = Field(ge=0, allow_inf_nan=False)
    evidence: Evidence
    source: str = Field(min_length=1)


class Words(Strict):
    """Names that can be traced, as a figure can."""

    value: tuple[str, ...] = Field(min_length=1)
    evidence: Evidence
    source: str = Field(min_length=1)


BARE = "not said; a bare value, the form of before"
"""The source of a value that says none: entries, and updates that were signed, in the form of before go on being read.
"""


def traced_when_bare(given: object) -> object:
    """A value alone counts as unverified; YAML reads 2025-06-30 without quotes as a date."""
    if isinstance(given, str | date):
        return {"value": str(given), "evidence": Evidence.UNVERIFIED, "source": BARE}
    if isinstance(given, dict) and isinstance(value := cast("dict[str, object]", given).get("value"), date):
        return {**cast("dict[str, object]", given), "value": str(value)}
    return cast("object", given)


class TracedDay(Strict):
    value: Day
    evidence: Evidence
    source: str = Field(min_length=1)


class TracedName(Strict):
    """The name of another entry."""

    value: Name
    evidence: Evidence
    source: str = Field(min_length=1)


class TracedHubId(Strict):
    """A repository on one hub; ids differ between hubs. `listing`: a published list names it, we did not fetch it."""

    value: HubId
    evidence: Evidence
    source: str = Field(min_length=1)


SaidDay = Annotated[TracedDay, BeforeValidator(traced_when_bare)]
SaidName = Annotated[TracedName, BeforeValidator(traced_when_bare)]
SaidHubId = Annotated[TracedHubId, BeforeValidator(traced_when_bare)]


class Text(Strict):
    """A text for people in the languages of the console."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


class Architecture(Strict):
    """The engine-relevant shape figure by figure, in the words of config.json, where that file itself is not known."""

    name: str = Field(description="As in `architectures` of config.json.")
    num_hidden_layers: Figure | None = None
    hidden_size: Figure | None = None
    num_attention_heads: Figure | None = None
    num_key_value_heads: Figure | None = None
    head_dim: Figure | None = Field(None, description="Of a key; hidden_size / num_attention_heads when left out.")
    v_head_dim: Figure | None = Field(None, description="Of a value, where it differs from a key.")
    vocab_size: Figure | None = None
    encoder_only: bool = Field(False, description="Reads a text once and keeps nothing: no KV cache.")
    sliding_window: Figure | None = Field(None, description="Tokens that a layer with a window keeps.")
    sliding_window_layers: Figure | None = Field(None, description="How many layers have that window.")
    sliding_num_key_value_heads: Figure | None = None
    sliding_head_dim: Figure | None = None
    kv_lora_rank: Figure | None = Field(None, description="MLA: the compressed vector per token.")
    qk_rope_head_dim: Figure | None = None
    index_bytes_per_token: Figure | None = Field(None, description="Sparse attention's index, per layer and token.")
    recurrent_layers: Figure | None = Field(None, description="Layers with a fixed state: Mamba, gated delta net.")
    recurrent_state_bytes: Figure | None = Field(None, description="State of one such layer, per sequence.")
    recurrent_heads: Figure | None = Field(None, description="Heads by which tensor parallelism divides that state.")
    stateless_layers: Figure | None = Field(None, description="Layers without a cache: MLP alone, or another's cache.")
    num_experts: Figure | None = None


class PublishedConfig(Strict):
    """The part of the model's config.json that fit reads: layers, heads, experts. Fit counts the weights from it."""

    values: dict[str, JsonValue] = Field(min_length=1)
    evidence: Evidence
    source: str = Field(min_length=1)


class Licence(Strict):
    """`evidence` and `source` are of `id`, `commercial` and `gated` together; `note` is there where a condition is."""

    id: str = Field(min_length=1, description="SPDX identifier, or the publisher's own name for it.")
    commercial: bool = Field(description="Whether commercial use is allowed.")
    gated: bool = Field(description="Whether the publisher asks for an agreement before a download.")
    url: str = Field(pattern=r"^https://")
    note: Text | None = Field(None, description="A condition that people should know before they use it.")
    evidence: Evidence = Evidence.UNVERIFIED
    source: str = Field(BARE, min_length=1)


class BundledSource(Strict):
    """Weights in this repository: a folder below `model_catalog`."""

    kind: Literal["bundled"]
    path: PurePosixPath


class PackageSource(Strict):
    """Weights in an installed Python distribution, found without importing it."""

    kind: Literal["package"]
    distribution: str
    version: str
    import_name: str
    folder: PurePosixPath


class HubSource(Strict):
    """Where the publisher keeps it; the box itself downloads nothing, a person brings the files."""

    kind: Literal["hub"]
    huggingface: SaidHubId | None = None
    modelscope: SaidHubId | None = None

    @model_validator(mode="after")
    def is_somewhere(self) -> Self:
        if self.huggingface is None and self.modelscope is None:
            raise ValueError("no hub has it; name one")
        return self


Source = Annotated[BundledSource | PackageSource | HubSource, Field(discriminator="kind")]


class WeightFile(Strict):
    """`sha256` is empty where the publisher's digest is not known yet."""

    path: PurePosixPath
    bytes: Bytes | None = None
    sha256: Sha256 = ""

    @model_validator(mode="after")
    def stays_inside(self) -> Self:
        if self.path.is_absolute() or ".." in self.path.parts:
            raise ValueError(f"the path {self.path} leaves its folder")
        return self


class Variant(Strict):
    """One form of the weights: a precision, a quantization, a file format."""

    name: Name
    format: Literal["safetensors", "gguf"]
    quantization: QuantizationForm | None = Field(None, description="None: the model's own precision.")
    accelerators: tuple[Accelerator, ...] = Field((), description="Families it was made for; empty: for any.")
    engine: str | None = Field(None, min_length=1, description="The one engine that runs this form, if only one does.")
    at_load: bool = Field(False, description="The engine quantizes while it loads; the files are the source's own.")
    weight_bytes: Figure | None = Field(None, description="In the memory of the cards; None where nobody says.")
    source: Source
    files: tuple[WeightFile, ...] = ()


class EngineDefaults(Strict):
    pack: Name | None = Field(None, description="Engine pack when nothing else is said; None: any that can serve it.")
    max_model_len: Tokens | None = Field(None, description="Tokens of prompt and answer together.")
    num_cpus: float = Field(1.0, gt=0, description="Processor cores that a replica reserves on a box without cards.")
    args: tuple[str, ...] = Field((), description="Extra flags of the engine, in its own spelling.")


class ChatFormat(Strict):
    """How a conversation is written for the model, and how an engine takes its answer apart: vLLM's parser names."""

    template: Text | None = Field(None, description="What is special about its chat template.")
    tool_call_parser: ToolCallParser | None = None
    reasoning_parser: ReasoningParser | None = None
    evidence: Evidence
    source: str = Field(min_length=1)


class SamplingDefaults(Strict):
    """The publisher's generation_config.json or advice; `evidence` and `source` are of all values together."""

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=-1)
    repetition_penalty: float | None = Field(None, gt=0)
    max_tokens: Tokens | None = None
    evidence: Evidence | None = None
    source: str | None = None

    @model_validator(mode="after")
    def says_where_from(self) -> Self:
        values = (self.temperature, self.top_p, self.top_k, self.repetition_penalty, self.max_tokens)
        given = any(value is not None for value in values)
        if given and not (self.evidence and self.source):
            raise ValueError("sampling values need `evidence` and `source`")
        return self


class FineTuning(Strict):
    """LoRA settings to begin with."""

    rank: Figure
    alpha: Figure
    target_modules: Words
    learning_rate: Figure
    max_length: Figure = Field(description="Tokens of a training sample.")


class Infill(Strict):
    """How the model fills a gap in a text: its own tokens around `{prefix}` and `{suffix}`; it goes on at the end."""

    template: str = Field(pattern=r"(?s)\{prefix\}.*\{suffix\}|\{suffix\}.*\{prefix\}")
    evidence: Evidence
    source: str = Field(min_length=1)


class CatalogueEntry(Strict):
    """One model that the appliance knows. `name` is also its public name unless an admin picks another.

    Its shape for fit stands in just one of `config`, `architecture` and `no_shape`.
    """

    name: Name
    family: str = Field(pattern=r"^[a-z0-9_]+$", description="The name of the file that the entry stands in.")
    order: int = Field(LAST_IN_ORDER, ge=0, description="Place in what people see: small numbers first, then by name.")
    display_name: Text
    description: Text
    task: Task
    capabilities: tuple[Capability, ...] = ()
    publisher: str
    languages: tuple[str, ...] = Field(min_length=1, description="BCP 47 tags.")
    parameters: Figure | None = Field(None, description="All of them.")
    active_parameters: Figure | None = Field(None, description="Of a mixture of experts: those that a token uses.")
    dimensions: Figure | None = Field(None, description="Of an embedding.")
    config: PublishedConfig | None = None
    architecture: Architecture | None = None
    no_shape: str | None = Field(None, min_length=1, description="Why fit cannot know how it keeps its state.")
    licence: Licence
    context: Figure | None = Field(None, description="Tokens the model was made for; None where it reads no text.")
    variants: tuple[Variant, ...] = Field(min_length=1)
    engine: EngineDefaults = EngineDefaults()  # pyright: ignore[reportCallIssue]
    chat: ChatFormat | None = None
    infill: Infill | None = None
    sampling: SamplingDefaults = SamplingDefaults()  # pyright: ignore[reportCallIssue]
    fine_tuning: FineTuning | None = None
    validated_as: Name | None = Field(None, description="The model in fit/validated.yaml whose rows hold for it too.")
    introduced: SaidDay | None = Field(None, description="When the publisher brought it out.")
    retired: SaidDay | None = Field(None, description="From when on it should not be used any more.")
    successor: SaidName | None = Field(None, description="The entry to prefer to it.")

    @model_validator(mode="after")
    def agrees_with_itself(self) -> Self:
        for wrong in (self.wrong_shape(), self.wrong_variants(), self.wrong_words(), self.wrong_dates()):
            if wrong:
                raise ValueError(wrong)
        return self

    def wrong_shape(self) -> str | None:
        if sum(given is not None for given in (self.config, self.architecture, self.no_shape)) != 1:
            return "just one of config, architecture and no_shape says its shape"
        limit = self.engine.max_model_len
        if self.task not in SPEECH and (self.context is None or limit is None):
            return "a model that reads text has a context and engine.max_model_len"
        if self.context is not None and limit is not None and limit > self.context.value:
            return f"engine.max_model_len {limit} exceeds the context {self.context.value}"
        return None

    def wrong_variants(self) -> str | None:
        names = [variant.name for variant in self.variants]
        return "two variants have one name" if len(names) != len(set(names)) else None

    def wrong_words(self) -> str | None:
        """What `chat` and `dimensions` say and `task` and `capabilities` deny."""
        if len(self.capabilities) != len(set(self.capabilities)):
            return "a capability is named twice"
        if self.dimensions is not None and self.task is not Task.EMBEDDING:
            return "only an embedding has dimensions"
        if self.chat is None:
            return None
        if self.task is not Task.CHAT:
            return f"a model for {self.task} has no chat format"
        if self.chat.tool_call_parser and Capability.TOOLS not in self.capabilities:
            return "it has a tool_call_parser but not the capability `tools`"
        if self.chat.reasoning_parser and Capability.REASONING not in self.capabilities:
            return "it has a reasoning_parser but not the capability `reasoning`"
        return None

    def wrong_dates(self) -> str | None:
        if self.successor_name == self.name:
            return "it names itself as its successor"
        if self.introduced and self.retired and self.retired.value < self.introduced.value:
            return f"it was retired ({self.retired.value}) before it was introduced ({self.introduced.value})"
        return None

    @property
    def successor_name(self) -> str | None:
        return None if self.successor is None else self.successor.value

    @property
    def default_variant(self) -> Variant:
        """The first variant: the one to run when nothing else is said."""
        return self.variants[0]
