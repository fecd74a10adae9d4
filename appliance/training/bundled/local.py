# torch and transformers are not in the core environment, where the types are checked.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
"""Answers questions with a model in this process, greedily, many at a time: the check without an engine."""

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

LONGEST_ANSWER_TOKENS = 96
BATCH = 64


def load(folder: Path) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


def answers_from(folder: Path, questions: Sequence[str]) -> list[str]:
    """Loads the model of the folder and asks it."""
    model, tokenizer = load(folder)
    return answers(questions, model=model, tokenizer=tokenizer)


def answers(questions: Sequence[str], *, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """One greedy answer per question, in the order of the questions."""
    found: list[str] = []
    for first in range(0, len(questions), BATCH):
        chats = [[{"role": "user", "content": text}] for text in questions[first : first + BATCH]]
        prompts = tokenizer.apply_chat_template(chats, tokenize=False, add_generation_prompt=True)
        inputs = tokenizer(
            prompts, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False,
            return_token_type_ids=False,
        )  # fmt: skip
        with torch.inference_mode():
            made = model.generate(**inputs, max_new_tokens=LONGEST_ANSWER_TOKENS, do_sample=False)
        found += tokenizer.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in found]
