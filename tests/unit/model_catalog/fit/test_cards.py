import pytest

from appliance.base.errors import NotFound
from appliance.hardware.vendors.registry import REGISTRY
from model_catalog.fit.cards import find_card, load_cards, this_machine
from model_catalog.fit.overheads import find_overheads, load_overheads

GIB = 1024**3


def test_every_vendor_that_discovery_knows_has_cards_with_a_source_and_a_pack() -> None:
    cards = load_cards()
    assert len(cards) >= 25
    assert {(card.vendor, card.family) for card in cards.values()} == {(one.name, one.family) for one in REGISTRY}
    for card in cards.values():
        assert card.memory_bytes.source
        assert card.pack in load_overheads()
        assert card.nominal_bytes * 0.85 < card.memory_bytes.value < card.nominal_bytes * 1.05, card.name


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("h100", "h100-80g"),
        ("NVIDIA H200", "h200-141g"),
        ("P800 OAM", "p800-96g"),
        ("l4", "l4-24g"),
        ("K100_AI", "k100-ai-64g"),
    ],
)
def test_cards_are_found_by_name_alias_and_beginning(asked: str, found: str) -> None:
    assert find_card(asked).name == found


@pytest.mark.parametrize(("asked", "words"), [("910b4", "Several cards"), ("tpu", "knows no card")])
def test_unknown_and_ambiguous_cards_are_refused(asked: str, words: str) -> None:
    with pytest.raises(NotFound, match=words):
        find_card(asked)


def test_a_p800s_groups_of_four() -> None:
    assert find_card("p800").groups == {4: ((0, 1, 2, 3), (4, 5, 6, 7))}


def test_this_machine_is_one_card() -> None:
    assert this_machine(8 * GIB).sizes == (1,)
    assert this_machine(8 * GIB).pack in load_overheads()


def test_an_unknown_pack_is_refused() -> None:
    with pytest.raises(NotFound, match="no figures for the engine pack"):
        find_overheads("nobody")
