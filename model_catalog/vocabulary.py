"""The closed lists of words that a catalogue entry may use; a word that is not here is a mistake.

Parsers are the names that vLLM registers (`vllm/tool_parsers/__init__.py`, `vllm/reasoning/__init__.py`). Families of
accelerators are discovery's, forms of quantization the engine packs' (`appliance/engines/packs`).
"""

from enum import StrEnum
from typing import Literal


class Task(StrEnum):
    """What a request asks of the model. The engine packs serve the first three so far."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    SPEECH_TO_TEXT = "speech_to_text"
    TEXT_TO_SPEECH = "text_to_speech"


SERVED_TASKS = frozenset({Task.CHAT, Task.EMBEDDING, Task.RERANK})
"""Those that some engine pack serves."""


class Capability(StrEnum):
    REASONING = "reasoning"  # writes down its reasoning before the answer
    THINKING = "thinking"  # that can be switched on and off in a request
    CODE = "code"  # made for writing programs
    TOOLS = "tools"  # asks for function calls
    JSON = "json"  # made to answer in JSON; an engine can force any model to
    VISION = "vision"  # reads images
    VIDEO = "video"
    AUDIO = "audio"
    OCR = "ocr"  # made for reading documents
    MULTILINGUAL = "multilingual"  # many languages, of which `languages` names the main ones
    INSTRUCTIONS = "instructions"  # an embedding or ranking follows an instruction in the request
    DIMENSIONS = "dimensions"  # an embedding may be cut to fewer dimensions


class QuantizationForm(StrEnum):
    """How weights are stored in less than the model's own precision."""

    FP8 = "fp8"
    MXFP8 = "mxfp8"
    MXFP4 = "mxfp4"
    NVFP4 = "nvfp4"
    AWQ = "awq"
    GPTQ = "gptq"
    COMPRESSED_TENSORS = "compressed-tensors"
    W8A8 = "w8a8"
    W4A8 = "w4a8"
    WINT8 = "wint8"
    WINT4 = "wint4"
    Q8_0 = "q8_0"


Accelerator = Literal[
    "cann",
    "corex",
    "cpu",
    "cuda",
    "dtk",
    "gaudi",
    "hggc",
    "kunlun",
    "maca",
    "musa",
    "neuware",
    "rocm",
    "topsrider",
    "xpu",
]

ToolCallParser = Literal[
    "deepseek_v3",
    "deepseek_v31",
    "deepseek_v32",
    "deepseek_v4",
    "ernie45",
    "functiongemma",
    "gemma4",
    "glm45",
    "glm47",
    "granite",
    "granite4",
    "hermes",
    "hunyuan_a13b",
    "hy_v3",
    "internlm",
    "kimi_k2",
    "kimi_k3",
    "llama3_json",
    "llama4_json",
    "llama4_pythonic",
    "longcat",
    "mimo",
    "minicpm5",
    "minimax_m2",
    "minimax_m3",
    "mistral",
    "olmo3",
    "openai",
    "phi4_mini_json",
    "pythonic",
    "qwen3_coder",
    "qwen3_xml",
    "seed_oss",
    "step3",
    "step3p5",
]

ReasoningParser = Literal[
    "deepseek_r1",
    "deepseek_v3",
    "deepseek_v4",
    "ernie45",
    "gemma4",
    "glm45",
    "glm47",
    "granite",
    "hunyuan_a13b",
    "hy_v3",
    "kimi_k2",
    "kimi_k3",
    "mimo",
    "minimax_m2",
    "minimax_m2_append_think",
    "minimax_m3",
    "mistral",
    "nemotron_v3",
    "olmo3",
    "openai_gptoss",
    "qwen3",
    "seed_oss",
    "step3",
    "step3p5",
]
