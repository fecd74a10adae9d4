"""Published rows beside our sum: the same verdict, or the row says why not."""

import pytest

from model_catalog.fit.answer import answer, usual_ask
from model_catalog.fit.cards import find_card
from model_catalog.fit.estimate import Ask, Subject
from model_catalog.fit.known_models import find_model
from model_catalog.fit.overheads import find_overheads
from model_catalog.fit.peers import gpustack_fits, kaito_fits
from model_catalog.fit.table import page
from model_catalog.fit.validated import ValidatedRow, compare, load_rows

GIB = 1024**3
ROWS = load_rows()


def row_id(row: ValidatedRow) -> str:
    return f"{row.model}-{row.quantization}-{row.cards}x{row.card}-{row.context}"


def test_there_are_rows_of_many_cards_and_both_verdicts() -> None:
    assert len(ROWS) >= 10
    assert len({row.card for row in ROWS}) >= 10
    assert {row.says for row in ROWS} == {"fits", "does not fit", "smallest"}


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_our_verdict_is_the_published_one_or_the_row_says_why(row: ValidatedRow) -> None:
    assert compare(row).agrees == (row.differs is None)


def subject(name: str, card: str, form: str) -> Subject:
    model, found = find_model(name), find_card(card)
    return Subject(model.name, model.shape, model.weights(form), found, find_overheads(found.pack))


def test_a_row_wins_over_the_sum_and_the_disagreement_is_said() -> None:
    found = answer(subject("gpt-oss-120b", "h100", "mxfp4"), Ask(131_072), cards=1)
    assert found.report.fits
    assert not found.fits
    assert found.disagreement is not None
    assert "Why:" in found.disagreement
    assert found.document()["decided_by"] == "validated row"


def test_a_row_decides_what_is_easier_and_not_what_is_harder() -> None:
    of = subject("ernie-4.5-300b-a47b", "p800", "wint4")
    assert answer(of, Ask(8192), cards=4).row is not None
    assert answer(of, Ask(131_072), cards=4).row is None
    assert answer(of, Ask(131_072), cards=8).row is not None


def test_a_row_that_did_not_fit_says_nothing_of_a_shorter_context() -> None:
    of = subject("gpt-oss-120b", "h100", "mxfp4")
    assert answer(of, Ask(4096), cards=1).row is None


def test_without_a_row_the_sum_decides() -> None:
    model = find_model("qwen3-8b")
    found = answer(subject("qwen3-8b", "l4", "bf16"), usual_ask(model))
    assert found.row is None
    assert found.fits == found.report.fits
    assert found.document()["decided_by"] == "sum"


def test_peers_as_they_publish_their_formulas() -> None:
    card = find_card("a800-80g")
    assert gpustack_fits(57 * GIB, card=card, cards=1)
    assert not gpustack_fits(59 * GIB, card=card, cards=1)
    shape = find_model("qwen3-8b").shape
    room = 80 * GIB * 0.9 - 2.3 * GIB - 15.26 * GIB * 1.02
    tokens = int(room / (144 * 1024))
    assert kaito_fits(int(15.26 * GIB), shape=shape, card=card, cards=1, ask=Ask(tokens))
    assert not kaito_fits(int(15.26 * GIB), shape=shape, card=card, cards=1, ask=Ask(tokens + 100))


def test_the_page_names_every_row_and_card() -> None:
    text = page()
    assert all(row.source in text for row in ROWS)
    assert "not explained" not in text
