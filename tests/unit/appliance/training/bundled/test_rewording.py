# ruff: noqa: S311  seeded draws, no secrets
import random

import pytest
import yaml

from appliance.training.bundled.off_topic import off_topic_question
from appliance.training.bundled.rewording import SYNONYMS, frame, reword
from model_catalog.bundled.questions import normalise


def test_rewording_depends_on_the_seed_alone() -> None:
    text = "How do I change the port of the appliance?"
    assert reword(text, draw=random.Random(1)) == reword(text, draw=random.Random(1))
    assert len({reword(text, draw=random.Random(seed)) for seed in range(50)}) > 15


@pytest.mark.parametrize("name", ["./start", "appliance serve stop", "appliance keys list"])
def test_names_of_commands_are_not_exchanged(name: str) -> None:
    words = set(normalise(name).split())
    kept = [
        words <= set(normalise(reword(f"Is {name} in order?", draw=random.Random(seed))).split()) for seed in range(200)
    ]
    assert sum(kept) > 140


def test_off_topic_questions_are_many_and_not_about_the_appliance() -> None:
    draw = random.Random(1)
    asked = {off_topic_question(draw) for _ in range(300)}
    assert len(asked) > 200
    assert not [text for text in asked if "appliance" in text.lower()]


def test_a_frame_holds_a_phrase() -> None:
    draw = random.Random(2)
    assert all("9000" in frame("port 9000", draw=draw).lower() for _ in range(50))


def test_synonyms_are_groups_of_words() -> None:
    groups = yaml.safe_load(SYNONYMS.read_text())
    assert all(len(group) > 1 and all(isinstance(word, str) for word in group) for group in groups)
