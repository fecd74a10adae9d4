# torch and transformers are not in the core environment, where the types are checked.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
"""`python -m appliance.training.bundled.reference`: what Hugging Face transformers answers, token by token, for the
conformance suite of the engines. Computed in 32 bits from the 16-bit weights, greedy, with the lead of each token.
"""

from typing import Annotated

import torch
import typer
from transformers import AutoModelForCausalLM, AutoTokenizer

from model_catalog.bundled import WEIGHTS
from model_catalog.bundled.check import sample
from model_catalog.bundled.questions import load_questions, split_questions
from model_catalog.bundled.reference import REFERENCE, Reference, ReferenceAnswer, save_reference

QUESTIONS = 40
MOST_TOKENS = 60


def main(questions: Annotated[int, typer.Option(help="How many questions.")] = QUESTIONS) -> None:
    """Write the reference answers beside the weights."""
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32).eval()
    wordings = sample(split_questions(load_questions()).held_out, size=questions, seed=1)
    answers = tuple(answer(wording.text, model=model, tokenizer=tokenizer) for wording in wordings)
    save_reference(Reference(most_tokens=MOST_TOKENS, answers=answers))
    typer.echo(f"{REFERENCE}: {len(answers)} answers, {sum(len(one.leads) for one in answers)} tokens")


def answer(question: str, *, model: torch.nn.Module, tokenizer: "AutoTokenizer") -> ReferenceAnswer:
    chat = [{"role": "user", "content": question}]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    chosen: list[int] = []
    ends: list[int] = []
    leads: list[float] = []
    while len(chosen) < MOST_TOKENS:
        tokens = torch.cat([ids["input_ids"], torch.tensor([chosen], dtype=torch.long)], dim=1)
        with torch.inference_mode():
            best = torch.topk(model(tokens).logits[0, -1], 2)
        leads.append(round(float(best.values[0] - best.values[1]), 3))
        token = int(best.indices[0])
        if token == tokenizer.eos_token_id:
            break
        chosen.append(token)
        ends.append(len(tokenizer.decode(chosen, skip_special_tokens=True)))
    text = tokenizer.decode(chosen, skip_special_tokens=True)
    return ReferenceAnswer(question=question, answer=text, ends=tuple(ends), leads=tuple(leads))


if __name__ == "__main__":
    typer.run(main)
