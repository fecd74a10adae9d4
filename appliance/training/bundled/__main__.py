# torch and transformers are not in the core environment, where the types are checked.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
"""`python -m appliance.training.bundled`: tokenizer, training, export and check of the bundled model, by its recipe."""

import hashlib
import random
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from appliance.base import clock
from appliance.training.bundled.examples import Corpus, load_corpus, one_epoch
from appliance.training.bundled.export import export
from appliance.training.bundled.local import answers
from appliance.training.bundled.recipe import RECIPE, Recipe, load_recipe
from appliance.training.bundled.tokenizer import render, train_tokenizer
from appliance.training.bundled.training import Progress, new_model, train
from model_catalog.bundled import WEIGHTS
from model_catalog.bundled.check import NEEDED_SHARE, is_right
from model_catalog.bundled.questions import load_questions, split_questions

console = Console()
EPOCHS_BETWEEN_EXPORTS = 5


def main(
    recipe_file: Annotated[Path, typer.Option("--recipe", help="The recipe to follow.")] = RECIPE,
    out: Annotated[Path, typer.Option(help="Folder that the weights are written to.")] = WEIGHTS,
) -> None:
    """Train the bundled model. Example: python -m appliance.training.bundled --out /tmp/sails-guide/weights"""
    recipe = load_recipe(recipe_file)
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True)
    began = clock.monotonic()
    corpus = load_corpus(recipe.text)
    tokenizer = train_tokenizer(_tokenizer_text(corpus, recipe), vocab_size=recipe.tokenizer.vocab_size)
    model = new_model(recipe, tokenizer=tokenizer)
    console.print(
        f"{sum(weight.numel() for weight in model.parameters()):,} parameters, {len(corpus.wordings)} wordings"
    )

    digest = hashlib.sha256(recipe_file.read_bytes()).hexdigest()

    def report(progress: Progress) -> None:
        passed = clock.monotonic() - began
        if progress.epoch % EPOCHS_BETWEEN_EXPORTS == 0:
            export(model, tokenizer=tokenizer, folder=out, recipe_digest=digest)
        console.print(
            f"epoch {progress.epoch}/{progress.epochs}  loss {progress.loss:.4f}  {passed:.0f} s", highlight=False
        )

    train(model, corpus=corpus, tokenizer=tokenizer, recipe=recipe, report=report)
    export(model.eval(), tokenizer=tokenizer, folder=out, recipe_digest=digest)
    held_out = split_questions(load_questions()).held_out
    given = answers([one.text for one in held_out], model=model, tokenizer=tokenizer)
    right = sum(is_right(one.question, answer) for one, answer in zip(held_out, given, strict=True))
    console.print(
        f"held-out wordings: {right}/{len(held_out)} right, {right / len(held_out):.1%} (needed {NEEDED_SHARE:.0%})"
    )


def _tokenizer_text(corpus: Corpus, recipe: Recipe) -> list[str]:
    draw = random.Random(recipe.seed)  # noqa: S311  not a secret
    texts = [" " + turn.text for one in one_epoch(corpus, recipe=recipe.text, draw=draw) for turn in one]
    texts += [render(()) + one.question.answer for one in corpus.wordings]
    return [*texts, *corpus.handbook]


if __name__ == "__main__":
    typer.run(main)
