"""What a catalogue entry says, typed and strict: a misspelt field, a wrong unit or an unknown word is refused."""

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[.-][a-z0-9]+)*$", max_length=80)]
Sha256 = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{64})?$")]
Bytes = Annotated[int, Field(ge=0)]
Tokens = Annotated[int, Field(gt=0)]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(StrEnum):
    """How a figure is known."""

    LISTING = "listing"  # the publisher's page or file says so
    COMPUTED = "computed"  # worked out from the files
    MEASURED = "measured"  # we ran it
    UNVERIFIED = "unverified"  # somebody said so


class Figure(Strict):
    """A number that can be traced: who says so, and how we know."""

    value: int | float
    evidence: Evidence
    source: str = Field(min_length=1)


class Text(Strict):
    """A text for people in the languages of the console."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


class Architecture(Strict):
    """The engine-relevant shape, in the words of the model's own config.json."""

    name: str = Field(description="As in `architectures` of config.json.")
    parameters: Figure | None = None
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


class Licence(Strict):
    id: str = Field(description="SPDX identifier, or the publisher's own name for it.")
    commercial: bool = Field(description="Whether commercial use is allowed.")
    gated: bool = Field(description="Whether the publisher asks for an agreement before a download.")
    url: str


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
    huggingface: str | None = None
    modelscope: str | None = None


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
    weight_bytes: Figure
    source: Source
    files: tuple[WeightFile, ...] = ()


class EngineDefaults(Strict):
    pack: str = Field(description="Engine pack that serves it when nothing else is said.")
    max_model_len: Tokens = Field(description="Tokens of prompt and answer together.")
    num_cpus: float = Field(1.0, gt=0, description="Processor cores that a replica reserves on a box without cards.")
    args: tuple[str, ...] = Field((), description="Extra flags of the engine, in its own spelling.")


class SamplingDefaults(Strict):
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=-1)
    repetition_penalty: float | None = Field(None, gt=0)
    max_tokens: Tokens | None = None


class CatalogueEntry(Strict):
    """One model that the appliance knows how to run. `name` is also its public name unless an admin picks another."""

    name: Name
    family: str = Field(pattern=r"^[a-z0-9_]+$", description="The name of the file that the entry stands in.")
    display_name: Text
    description: Text
    task: Literal["chat", "embedding"]
    publisher: str
    languages: tuple[str, ...] = Field(min_length=1, description="BCP 47 tags.")
    architecture: Architecture
    licence: Licence
    context: Figure = Field(description="Tokens the model was made for.")
    variants: tuple[Variant, ...] = Field(min_length=1)
    engine: EngineDefaults
    sampling: SamplingDefaults = SamplingDefaults()  # pyright: ignore[reportCallIssue]
    introduced: str = Field(pattern=r"^\d{4}-\d{2}(?:-\d{2})?$", description="When the publisher brought it out.")
    retired: str | None = Field(None, pattern=r"^\d{4}-\d{2}(?:-\d{2})?$")
    successor: Name | None = None

    @model_validator(mode="after")
    def agrees_with_itself(self) -> Self:
        names = [variant.name for variant in self.variants]
        if len(names) != len(set(names)):
            raise ValueError("two variants have one name")
        if self.engine.max_model_len > self.context.value:
            raise ValueError(
                f"engine.max_model_len {self.engine.max_model_len} exceeds the context {self.context.value}"
            )
        return self

    @property
    def default_variant(self) -> Variant:
        """The first variant: the one to run when nothing else is said."""
        return self.variants[0]
