"""The recipe of the bundled model: one YAML file, typed."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from model_catalog.bundled import SAILS_GUIDE

RECIPE = SAILS_GUIDE / "recipe.yaml"


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenizerRecipe(Part):
    vocab_size: int = Field(ge=512)


class ModelRecipe(Part):
    """The fields of transformers' LlamaConfig that differ from its defaults."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    max_position_embeddings: int
    rope_theta: float


class TextRecipe(Part):
    worlds: list[int]
    off_topic_per_epoch: int = Field(ge=0)
    several_turns_share: float = Field(ge=0, le=1)
    system_prompt_share: float = Field(ge=0, le=1)


class TrainingRecipe(Part):
    epochs: int = Field(ge=1)
    batch_tokens: int = Field(ge=64)
    learning_rate: float = Field(gt=0)
    warmup_share: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    dropout: float = Field(ge=0, lt=1, description="Share of embedding and residual values that are dropped.")
    shortened_share: float = Field(ge=0, le=1, description="Share of answers that are cut after a few tokens.")


class Recipe(Part):
    name: str
    seed: int
    threads: int = Field(ge=1)
    tokenizer: TokenizerRecipe
    model: ModelRecipe
    text: TextRecipe
    training: TrainingRecipe


def load_recipe(path: Path = RECIPE) -> Recipe:
    return Recipe.model_validate(yaml.safe_load(path.read_text()))
