"""What each engine pack takes beside weights and KV cache: `overheads.yaml`, typed."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from appliance.base.errors import NotFound
from model_catalog.catalogue import read_yaml, wrong
from model_catalog.fit.kv_cache import CacheRules
from model_catalog.schema import Evidence, Figure, Strict

OVERHEADS_FILE = Path(__file__).with_name("overheads.yaml")


class Overheads(Strict):
    """`activation_bytes` and `process_bytes` are per card. `paging`: vLLM's pool, or plain blocks."""

    pack: str
    paging: Literal["vllm", "plain"]
    utilization: Figure
    weight_factor: Figure
    activation_bytes: Figure
    process_bytes: Figure
    block_tokens: int
    tokens_in_flight: int
    state_blocks: int
    state_element_bytes: int = 0

    def rules(self, *, element_bytes: int = 0) -> CacheRules:
        return CacheRules(
            element_bytes=element_bytes,
            block_tokens=self.block_tokens,
            tokens_in_flight=self.tokens_in_flight,
            state_blocks=self.state_blocks,
            state_element_bytes=self.state_element_bytes,
        )


FIGURES = ("utilization", "weight_factor", "activation_bytes", "process_bytes")
ROWS: TypeAdapter[tuple[Overheads, ...]] = TypeAdapter(tuple[Overheads, ...])


@cache
def load_overheads(path: Path = OVERHEADS_FILE) -> dict[str, Overheads]:
    """By pack; raises SetupError that names the file and the field. `like` takes another row's figures over."""
    rows: list[dict[str, Any]] = read_yaml(path)
    plain = {row["pack"]: row for row in rows if "like" not in row}
    full = [borrowed(row, plain[row["like"]]) if "like" in row else row for row in rows]
    try:
        return {row.pack: row for row in ROWS.validate_python(full)}
    except ValidationError as error:
        raise wrong(path, str(error.errors()[0])) from error


def borrowed(row: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """Another engine's figures are not evidence for this one: they become `unverified`."""
    doubt = {"evidence": Evidence.UNVERIFIED, "source": f"taken over from {row['like']}"}
    figures = {name: model[name] | doubt for name in FIGURES}
    own = {key: value for key, value in row.items() if key != "like"}
    return {**model, **figures, **own}


def find_overheads(pack: str) -> Overheads:
    known = load_overheads()
    if pack not in known:
        raise NotFound(f"Fit has no figures for the engine pack `{pack}`.", hint=f"Known: {', '.join(known)}.")
    return known[pack]
