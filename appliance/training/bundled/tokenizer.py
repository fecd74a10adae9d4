# torch and transformers are not in the core environment, where the types are checked.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
"""The tokenizer: byte-pair encoding over words, with a token for each byte, so that no text is unknown.

The form (Metaspace, byte fallback, `tokenizer.json`) is that of Llama's own tokenizer, which vLLM and llama.cpp read.
https://huggingface.co/docs/tokenizers/api/models (BPE, byte_fallback)
"""

import json
from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from appliance.training.bundled.examples import Conversation

START, END, UNKNOWN = "<s>", "<|end|>", "<unk>"
ROLES = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
SPECIAL = [UNKNOWN, START, END, *ROLES.values()]
CHAT_TEMPLATE = """\
{{- '<s>' -}}
{%- for message in messages -%}
{%- if message['content'] is string -%}
{%- set text = message['content'] -%}
{%- else -%}
{%- set text = message['content'] | selectattr('type', 'equalto', 'text') | map(attribute='text') | join(' ') -%}
{%- endif -%}
{%- if message['role'] == 'assistant' -%}
{{- '<|assistant|>' + text | trim + '<|end|>' -}}
{%- elif message['role'] == 'system' or message['role'] == 'developer' -%}
{{- '<|system|> ' + text | trim + '<|end|>' -}}
{%- else -%}
{{- '<|user|> ' + text | trim + '<|end|>' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}
"""
"""A space goes before a question, so that its first word is the same token as inside a sentence."""


def train_tokenizer(texts: Iterable[str], *, vocab_size: int) -> PreTrainedTokenizerFast:
    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, byte_fallback=True))
    tokenizer.pre_tokenizer = _pre_tokenizer()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=[*SPECIAL, *bytes_], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer=trainer)
    return _wrap(_with_plain_bytes(tokenizer))


def render(conversation: Conversation) -> str:
    """The text that the chat template makes of a whole conversation."""
    turns = (f"{ROLES[turn.role]}{'' if turn.role == 'assistant' else ' '}{turn.text}{END}" for turn in conversation)
    return START + "".join(turns)


def _pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="never", split=True),
            pre_tokenizers.Split(Regex(r"[^\w\s\u2581]|_"), behavior="isolated"),
        ]
    )


def _with_plain_bytes(trained: Tokenizer) -> Tokenizer:
    """The trainer marks the byte tokens as special; they are ordinary pieces that the decoder joins to characters."""
    state = json.loads(trained.to_str())
    tokenizer = Tokenizer(
        models.BPE(
            vocab=state["model"]["vocab"],
            merges=[tuple(pair) for pair in state["model"]["merges"]],
            unk_token=UNKNOWN,
            byte_fallback=True,
            fuse_unk=True,
        )
    )
    tokenizer.pre_tokenizer = _pre_tokenizer()
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", pair=f"{START} $A {START} $B", special_tokens=[(START, tokenizer.token_to_id(START))]
    )
    return tokenizer


def _wrap(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        unk_token=UNKNOWN,
        pad_token=END,
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
