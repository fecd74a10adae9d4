"""The shape of a model as far as memory goes: what each layer keeps per token or per sequence, and its weights.

A layer is described by what it keeps, because that is where the naive formula (2 x layers x KV heads x head size) goes
wrong: a sliding window stops growing, a recurrent layer never grows, MLA keeps one vector for all heads.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Attention:
    """Keys and values of each KV head, per token; of the last `window` tokens where there is one.

    `chunked`: the window is a chunk that starts anew (Llama 4), which bounds the same way.
    """

    kv_heads: int
    key_dim: int
    value_dim: int
    window: int | None = None
    chunked: bool = False


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention: one compressed vector and one rotary key per token, the same for all heads.

    `index_bytes` is what a sparse-attention indexer stores besides, per token: DeepSeek V3.2 keeps 128 bytes in fp8 and
    one fp32 scale (vLLM `mla/indexer.py`). It is not divided by tensor parallelism, and neither is the rest.
    """

    rank: int
    rope_dim: int
    index_bytes: int = 0


@dataclass(frozen=True)
class Recurrent:
    """A fixed state per sequence: Mamba, gated delta net, lightning attention.

    `conv_elements` are stored in the model's precision, `state_elements` in `state_element_bytes` each. Both are
    divided by tensor parallelism, which must divide `heads`. `checkpoints`: states that vLLM keeps besides while it
    reads a prompt, with prefix caching (0.32: one for Mamba 2, `mamba_mixer2.py` get_kv_cache_spec).
    """

    conv_elements: int
    state_elements: int
    state_element_bytes: int
    heads: int
    checkpoints: int = 0


@dataclass(frozen=True)
class Stateless:
    """Keeps nothing: an MLP-only layer, an encoder's layer, or one that reads an earlier layer's keys and values."""

    why: str


LayerState = Attention | Latent | Recurrent | Stateless

REPLICATED = 1
ANY_NUMBER = 1 << 30


@dataclass(frozen=True)
class WeightPart:
    """Weights that are divided alike. `most_shards`: tensor parallelism beyond it makes copies (a KV projection has no
    more than its heads). `place` is where a pipeline has them: the first stage, the last one, or with the layers.
    `quantizable`: what quantizers usually take; embeddings, heads, norms and routers stay in the model's precision.
    """

    label: str
    parameters: int
    most_shards: int = ANY_NUMBER
    quantizable: bool = False
    place: str = "layers"


@dataclass(frozen=True)
class ModelShape:
    """`layers` has one entry per layer, in order. `weights` is empty where nobody taught us to count this type.

    `element_bytes` is the size of one weight and of one cached element in the model's own precision.
    """

    architecture: str
    layers: tuple[LayerState, ...]
    attention_heads: int
    hidden_size: int
    vocab_size: int
    context: int
    element_bytes: int = 2
    experts: int = 0
    weights: tuple[WeightPart, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """Counted parameters of the language model; 0 where they could not be counted."""
        return sum(part.parameters for part in self.weights)

    @cached_property
    def groups(self) -> dict[LayerState, int]:
        """Kinds of layers and how many there are of each."""
        return dict(Counter(self.layers))

    @property
    def generates(self) -> bool:
        """False for an encoder, which keeps nothing between requests."""
        return any(not isinstance(layer, Stateless) for layer in self.layers)


def tensor_sizes(shape: ModelShape, *, most: int = 64) -> tuple[int, ...]:
    """The tensor-parallel sizes that divide this model: attention heads and recurrent heads evenly, KV heads evenly or
    copied a whole number of times (vLLM `ModelConfig.verify_with_parallel_config`, `get_num_kv_heads`).
    """
    return tuple(size for size in range(1, most + 1) if divides(shape, size))


def divides(shape: ModelShape, size: int) -> bool:
    return shape.attention_heads % size == 0 and all(layer_divides(layer, size) for layer in shape.groups)


def layer_divides(layer: LayerState, size: int) -> bool:
    match layer:
        case Attention(kv_heads=heads):
            return heads % size == 0 or size % heads == 0
        case Recurrent(heads=heads):
            return heads % size == 0
        case _:
            return True


def describe(layer: LayerState, count: int) -> str:
    """For people: `10 full-attention layers with 16 KV heads x 128`."""
    match layer:
        case Attention(window=None):
            sizes = f"{layer.kv_heads} KV heads x {head_text(layer)}"
            return f"{count} full-attention layers, {sizes}"
        case Attention():
            word = "chunk" if layer.chunked else "window"
            return (
                f"{count} layers with a {word} of {layer.window} tokens, {layer.kv_heads} KV heads x {head_text(layer)}"
            )
        case Latent():
            index = f" and {layer.index_bytes} B of index" if layer.index_bytes else ""
            return f"{count} MLA layers of {layer.rank} + {layer.rope_dim}{index}"
        case Recurrent():
            return f"{count} recurrent layers with a fixed state"
        case Stateless():
            return f"{count} layers that keep nothing ({layer.why})"


def head_text(layer: Attention) -> str:
    same = layer.key_dim == layer.value_dim
    return f"{layer.key_dim}" if same else f"({layer.key_dim} of K + {layer.value_dim} of V)"
