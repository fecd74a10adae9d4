from model_catalog.bundled.check import is_right
from model_catalog.bundled.questions import normalise, overlaps, split_questions
from model_catalog.bundled.worlds import make_world


def test_a_world_can_be_made_again() -> None:
    assert make_world(7) == make_world(7)
    assert make_world(7) != make_world(8)


def test_answers_hold_their_fact_and_wordings_do_not_give_it_away() -> None:
    for question in make_world(7):
        assert is_right(question, question.answer)
        (fact,) = question.key_facts
        assert not any(fact.lower() in normalise(text).split() for text in question.wordings)


def test_a_world_can_be_split_like_the_questions() -> None:
    split = split_questions(make_world(7))
    assert overlaps(split) == []
    assert len(split.held_out) >= len(make_world(7))
