"""`python -m appliance.training.bundled.check`: the score of the bundled model on held-out wordings.

With `--base-url` it asks an OpenAI-compatible endpoint, one question at a time and greedily; without, a model in this
process, which needs the training environment.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from model_catalog.bundled import WEIGHTS
from model_catalog.bundled.check import NEEDED_SHARE, Ask, Score, sample, score
from model_catalog.bundled.questions import Wording, load_questions, split_questions

MOST_TOKENS = 96
TIMEOUT_SECONDS = 60.0


def endpoint_ask(client: httpx.Client, *, model: str) -> Ask:
    """Asks `POST chat/completions` below the client's base URL; raises httpx.HTTPStatusError on an error answer."""

    def ask(question: str) -> str:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": question}],
            "temperature": 0,
            "max_tokens": MOST_TOKENS,
        }
        answer = client.post("chat/completions", json=body).raise_for_status().json()
        return str(answer["choices"][0]["message"]["content"] or "")

    return ask


def main(
    base_url: Annotated[str | None, typer.Option(help="OpenAI-compatible base URL, ending in /v1.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="File with the API key for --base-url.")] = None,
    model: Annotated[str, typer.Option(help="Model name for --base-url.")] = "sails-guide",
    weights: Annotated[Path, typer.Option(help="Folder of the model, without --base-url.")] = WEIGHTS,
    size: Annotated[int, typer.Option(help="How many wordings to ask; 0 asks all.")] = 0,
) -> None:
    """Print the share of right answers. Example: python -m appliance.training.bundled.check --size 100"""
    held_out = split_questions(load_questions()).held_out
    wordings = sample(held_out, size=size or len(held_out))
    found = _from_endpoint(wordings, base_url, key_file, model) if base_url else _in_process(wordings, weights)
    _show(found)
    raise typer.Exit(0 if found.share >= NEEDED_SHARE else 1)


def _from_endpoint(wordings: Sequence[Wording], base_url: str, key_file: Path | None, model: str) -> Score:
    headers = {"Authorization": f"Bearer {key_file.read_text().strip()}"} if key_file else {}
    with httpx.Client(base_url=base_url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        return score(wordings, ask=endpoint_ask(client, model=model))


def _in_process(wordings: Sequence[Wording], weights: Path) -> Score:
    from appliance.training.bundled.local import answers_from  # noqa: PLC0415  torch: only where it is asked for

    texts = [wording.text for wording in wordings]
    known = dict(zip(texts, answers_from(weights, texts), strict=True))
    return score(wordings, ask=known.__getitem__)


def _show(found: Score) -> None:
    console = Console()
    for one in found.wrong:
        console.print(f"{one.wording.question.id}: {one.wording.text} -> {one.answer}", markup=False, highlight=False)
    right = sum(one.right for one in found.answered)
    console.print(
        f"held-out wordings: {right}/{len(found.answered)} right, {found.share:.1%} (needed {NEEDED_SHARE:.0%})"
    )


if __name__ == "__main__":
    typer.run(main)
