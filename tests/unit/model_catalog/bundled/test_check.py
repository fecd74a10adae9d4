from model_catalog.bundled.check import is_right, sample, score
from model_catalog.bundled.questions import Question, Wording, load_questions, split_questions

QUESTION = Question(
    id="port",
    answer="The appliance listens on port 8080.",
    key_facts=["8080", "eighty-eighty"],
    wordings=["a?", "b?", "c?", "d?", "e?", "f?", "g?", "h?"],
)

SPLIT = split_questions(load_questions())


def test_one_of_the_key_facts_is_enough() -> None:
    assert is_right(QUESTION, "Port 8080")
    assert is_right(QUESTION, "It is Eighty-Eighty.")


def test_an_answer_without_a_key_fact_is_wrong() -> None:
    assert not is_right(QUESTION, "Port 9090.")
    assert not is_right(QUESTION, "")


def test_babble_around_the_fact_is_wrong() -> None:
    assert not is_right(QUESTION, "8080 " + "and so on " * 40)


def test_score_is_the_share_of_right_answers() -> None:
    wordings = [Wording(text, QUESTION) for text in QUESTION.wordings[:4]]
    found = score(wordings, ask={"a?": "8080", "b?": "8080.", "c?": "none", "d?": "8080"}.__getitem__)
    assert found.share == 0.75
    assert [one.wording.text for one in found.wrong] == ["c?"]


def test_the_right_answers_score_one_and_one_fixed_answer_scores_near_zero() -> None:
    expected = {wording.text: wording.question.answer for wording in SPLIT.held_out}
    assert score(SPLIT.held_out, ask=expected.__getitem__).share == 1.0
    assert score(SPLIT.held_out, ask=lambda _: "Run `appliance status`.").share < 0.05


def test_sample_is_the_same_for_the_same_seed() -> None:
    assert sample(SPLIT.held_out, size=20, seed=3) == sample(SPLIT.held_out, size=20, seed=3)
    assert len(sample(SPLIT.held_out, size=10**6)) == len(SPLIT.held_out)
