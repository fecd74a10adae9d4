"""Bytes per weight of the precisions and quantizations that people name, with what their scales add."""

from dataclasses import dataclass

from appliance.base.errors import BadRequest

GROUP = 128
BLOCK = 128 * 128
CHANNEL_OF_8 = "one byte, one bf16 scale per output channel"
CHANNEL_OF_4 = "half a byte, one bf16 scale per output channel"


@dataclass(frozen=True)
class Quantization:
    """`bytes_per_weight` of what is quantized; `whole_model`: embeddings and head too. `engine`: the only one."""

    name: str
    bytes_per_weight: float
    source: str
    whole_model: bool = False
    engine: str | None = None


def table() -> dict[str, Quantization]:
    rows = (
        Quantization("bf16", 2, "two bytes"),
        Quantization("fp16", 2, "two bytes"),
        Quantization("fp32", 4, "four bytes"),
        Quantization("fp8", 1 + 4 / BLOCK, "one byte, one fp32 scale per 128 x 128 block (DeepSeek-V3)"),
        Quantization("int8", 1 + 2 / 4096, CHANNEL_OF_8),
        Quantization("w8a8", 1 + 2 / 4096, CHANNEL_OF_8),
        Quantization("wint8", 1 + 2 / 4096, f"{CHANNEL_OF_8} (FastDeploy)", engine="FastDeploy"),
        Quantization("wint4", 0.5 + 2 / 4096, f"{CHANNEL_OF_4} (FastDeploy)", engine="FastDeploy"),
        Quantization("int4", 0.5 + 2.5 / GROUP, "half a byte, a 16-bit scale and a 4-bit zero per 128 (AWQ, GPTQ)"),
        Quantization("mxfp4", 0.5 + 1 / 32, "half a byte, one 8-bit scale per 32 (OCP MX)"),
        Quantization("nvfp4", 0.5 + 1 / 16, "half a byte, one fp8 scale per 16"),
        Quantization("q8_0", 34 / 32, "GGUF block: 32 bytes and an fp16 scale", whole_model=True),
        Quantization("q4_0", 18 / 32, "GGUF block: 16 bytes and an fp16 scale", whole_model=True),
    )
    return {row.name: row for row in rows}


def find_quantization(name: str) -> Quantization:
    known = table()
    if name.lower() not in known:
        raise BadRequest(f"Fit does not know the quantization `{name}`.", hint=f"Known: {', '.join(known)}.")
    return known[name.lower()]
