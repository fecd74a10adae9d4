"""The spec and the result of an import, and how a model that the catalogue does not know is told."""

import json
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field

from appliance.base.errors import BadRequest
from appliance.engines.chat import ChatFacts
from appliance.placement.offers import UNKNOWN_CONTEXT_TOKENS
from control_plane.modelpacks.domain import ModelPackPlace, Payload
from model_catalog.schema import CatalogueEntry, Variant
from model_catalog.vocabulary import Task

IMPORT_MODEL = "import_model"


class HubPlace(Payload):
    """A repository on a hub, or on the mirror `endpoint`. Tokens are files of the box and never part of a spec."""

    hub: Literal["huggingface", "modelscope"]
    repository: str
    revision: str | None = None
    endpoint: str | None = None


class ImportSpec(Payload):
    """What the import's process is told. `expected` maps paths to SHA-256 digests, empty where unknown.

    Just one of `source_path` (a folder or a tar archive), `hub`, `modelpack` and `catalogue_model` names the source;
    the last is found by the process itself.
    """

    version_id: str
    model_name: str
    source_path: str | None = None
    hub: HubPlace | None = None
    modelpack: ModelPackPlace | None = None
    catalogue_model: str | None = None
    variant: str | None = None
    expected: dict[str, str] = Field(default_factory=dict[str, str])
    leave_code_out: bool = False


class ImportResult(Payload):
    digest: str
    total_bytes: int
    path: str
    left_out: list[str] = Field(default_factory=list[str])
    max_model_len: int | None = None
    sealed: str | None = None


class EngineFacts(Payload):
    """What `model_versions.engine` holds: how an engine is to run these weights. `pack` None: any that can.

    A version of an earlier release lacks some of it. `max_model_len` is what it is served with when nothing is said,
    `context` the most that may be asked for. `sealed`: the digest of the artifact that a licence must name; None for
    open weights. `quantization` and `accelerators` are those of the catalogue's variant, where it is known which one
    these weights are; `capabilities` its entry's.
    """

    pack: str | None = None
    max_model_len: int = UNKNOWN_CONTEXT_TOKENS
    context: int | None = None
    num_cpus: float = 1.0
    args: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    chat: ChatFacts | None = None
    quantization: str | None = None
    accelerators: tuple[str, ...] = ()
    sealed: str | None = None

    @property
    def longest(self) -> int:
        return self.max_model_len if self.context is None else self.context


def engine_facts(entry: CatalogueEntry | None, variant: Variant | None = None) -> EngineFacts:
    """`variant` None: nobody said which of the entry's these weights are."""
    if entry is None:
        return EngineFacts()
    engine = entry.engine
    return EngineFacts(
        pack=engine.pack,
        max_model_len=engine.max_model_len or UNKNOWN_CONTEXT_TOKENS,
        context=None if entry.context is None else int(entry.context.value),
        num_cpus=engine.num_cpus,
        args=engine.args,
        capabilities=tuple(capability.value for capability in entry.capabilities),
        chat=chat_facts(entry),
        quantization=variant.quantization.value if variant and variant.quantization else None,
        accelerators=variant.accelerators if variant else (),
    )


def chat_facts(entry: CatalogueEntry) -> ChatFacts | None:
    """None where the catalogue knows nothing that an engine could be told. The template comes with the weights."""
    chat, advice = entry.chat, entry.sampling.model_dump(exclude_none=True, exclude={"evidence", "source"})
    if entry.task is not Task.CHAT or not (chat or advice):
        return None
    return ChatFacts(
        tool_parser=chat.tool_call_parser if chat else None,
        reasoning_parser=chat.reasoning_parser if chat else None,
        sampling=advice,
    )


def find_variant(entry: CatalogueEntry, name: str | None) -> Variant:
    if name is None:
        return entry.default_variant
    for variant in entry.variants:
        if variant.name == name:
            return variant
    names = ", ".join(variant.name for variant in entry.variants)
    raise BadRequest(f"{entry.name} has no variant {name[:80]!r}.", hint=f"It has {names}.", param="variant")


def expected_files(variant: Variant) -> dict[str, str]:
    return {str(file.path): file.sha256 for file in variant.files}


def context_of(folder: Path) -> int | None:
    """Tokens that the model was made for, from its config.json; None where that does not say."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return None
    value = cast(dict[str, Any], config).get("max_position_embeddings") if isinstance(config, dict) else None
    return value if isinstance(value, int) and value > 0 else None
