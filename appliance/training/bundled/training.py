# torch and transformers are not in the core environment, where the types are checked.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
"""The training loop: AdamW with a cosine schedule, bfloat16 arithmetic over float32 weights, loss on answers only."""

import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from appliance.training.bundled.examples import Conversation, Corpus, one_epoch
from appliance.training.bundled.recipe import Recipe, TrainingRecipe
from appliance.training.bundled.tokenizer import END, ROLES, START, render

IGNORED = -100


@dataclass(frozen=True)
class Example:
    """Token ids, and the same with `IGNORED` where nothing is learned."""

    ids: list[int]
    labels: list[int]


@dataclass(frozen=True)
class Progress:
    epoch: int
    epochs: int
    loss: float


def new_model(recipe: Recipe, *, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        **recipe.model.model_dump(exclude={"rope_theta"}),
        rope_parameters={"rope_type": "default", "rope_theta": recipe.model.rope_theta},
        vocab_size=recipe.tokenizer.vocab_size,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.convert_tokens_to_ids(START),
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
        pad_token_id=tokenizer.convert_tokens_to_ids(END),
    )
    return LlamaForCausalLM(config)


def train(
    model: LlamaForCausalLM,
    *,
    corpus: Corpus,
    tokenizer: PreTrainedTokenizerFast,
    recipe: Recipe,
    report: Callable[[Progress], None],
) -> None:
    """Trains in place; calls `report` after each epoch."""
    draw = random.Random(recipe.seed)  # noqa: S311  not a secret
    optimizer = _optimizer(model, recipe.training)
    schedule: torch.optim.lr_scheduler.LambdaLR | None = None
    _add_dropout(model, share=recipe.training.dropout)
    model.train()
    for epoch in range(1, recipe.training.epochs + 1):
        batches = _batches(corpus, tokenizer=tokenizer, recipe=recipe, draw=draw)
        schedule = schedule or _schedule(optimizer, recipe.training, steps=len(batches) * recipe.training.epochs)
        losses = [_step(model, batch, optimizer=optimizer, schedule=schedule) for batch in batches]
        report(Progress(epoch, recipe.training.epochs, sum(losses) / len(losses)))


def encode(conversation: Conversation, *, tokenizer: PreTrainedTokenizerFast) -> Example:
    """Loss falls on what the assistant says, its end mark included."""
    ids: list[int] = tokenizer.encode(render(conversation), add_special_tokens=False)
    assistant, end = (tokenizer.convert_tokens_to_ids(mark) for mark in (ROLES["assistant"], END))
    labels: list[int] = []
    speaking = False
    for token in ids:
        labels.append(token if speaking else IGNORED)
        speaking = token == assistant or (speaking and token != end)
    return Example(ids, labels)


def encode_text(text: str, *, tokenizer: PreTrainedTokenizerFast) -> Example:
    """Plain text: every token is learned."""
    ids: list[int] = tokenizer.encode(f"{START} {text}{END}", add_special_tokens=False)
    return Example(ids, ids)


def _add_dropout(model: LlamaForCausalLM, *, share: float) -> None:
    """Llama has no dropout of its own; with so little text a model without it learns wordings by heart."""

    def drop(module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.dropout(output, share, training=module.training)

    model.model.embed_tokens.register_forward_hook(drop)
    for layer in model.model.layers:
        layer.mlp.register_forward_hook(drop)
        layer.self_attn.o_proj.register_forward_hook(drop)


def _batches(
    corpus: Corpus, *, tokenizer: PreTrainedTokenizerFast, recipe: Recipe, draw: random.Random
) -> list[list[Example]]:
    conversations = one_epoch(corpus, recipe=recipe.text, draw=draw)
    examples = [_shortened(encode(c, tokenizer=tokenizer), recipe=recipe.training, draw=draw) for c in conversations]
    examples += [encode_text(text, tokenizer=tokenizer) for text in corpus.handbook]
    batches = list(_by_length(examples, batch_tokens=recipe.training.batch_tokens))
    draw.shuffle(batches)
    return batches


def _shortened(example: Example, *, recipe: TrainingRecipe, draw: random.Random) -> Example:
    """Cut some last answers after a few tokens: the choice falls there, the rest of a known sentence teaches little."""
    if draw.random() >= recipe.shortened_share:
        return example
    last_asked = max(place for place, label in enumerate(example.labels) if label == IGNORED)
    kept = last_asked + 1 + draw.randint(3, 12)
    return Example(example.ids[:kept], example.labels[:kept])


def _by_length(examples: Iterable[Example], *, batch_tokens: int) -> Iterator[list[Example]]:
    """Neighbours in length share a batch, so that little is padded; `batch_tokens` counts the padding."""
    batch: list[Example] = []
    for example in sorted(examples, key=lambda one: len(one.ids)):
        if batch and (len(batch) + 1) * len(example.ids) > batch_tokens:
            yield batch
            batch = []
        batch.append(example)
    if batch:
        yield batch


def _optimizer(model: LlamaForCausalLM, recipe: TrainingRecipe) -> torch.optim.AdamW:
    decayed = [weight for weight in model.parameters() if weight.ndim > 1]
    plain = [weight for weight in model.parameters() if weight.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98))


def _schedule(optimizer: torch.optim.AdamW, recipe: TrainingRecipe, *, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    warmup = max(1, int(recipe.warmup_share * steps))

    def share(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        passed = min(1.0, (step - warmup) / max(1, steps - warmup))
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * passed))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, share)


def _step(
    model: LlamaForCausalLM,
    batch: list[Example],
    *,
    optimizer: torch.optim.AdamW,
    schedule: torch.optim.lr_scheduler.LambdaLR,
) -> float:
    ids, labels = _tensors(batch, padding=model.config.pad_token_id)
    learned = labels[:, 1:] != IGNORED
    with torch.autocast("cpu", torch.bfloat16):
        states = model.model(input_ids=ids).last_hidden_state[:, :-1][learned]
        logits = model.lm_head(states)
    loss = cross_entropy(logits.float(), labels[:, 1:][learned])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


def _tensors(batch: list[Example], *, padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Padded on the right, where a causal model does not look, so no attention mask is needed."""
    longest = max(len(one.ids) for one in batch)
    ids = [one.ids + [padding] * (longest - len(one.ids)) for one in batch]
    labels = [one.labels + [IGNORED] * (longest - len(one.labels)) for one in batch]
    return torch.tensor(ids), torch.tensor(labels)
