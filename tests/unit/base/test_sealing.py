"""A sealed secret opens with its key and for its context, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.base.sealing import SealBroken, Sealer

SEALER = Sealer("one key-encryption key")
SECRET = "sk-secret"


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_what_is_sealed_opens(secret: str) -> None:
    assert SEALER.open(SEALER.seal(secret, context="c"), context="c") == secret


def test_not_with_another_key_nor_for_another_context() -> None:
    sealed = SEALER.seal(SECRET, context="one")
    with pytest.raises(SealBroken, match="damaged"):
        SEALER.open(sealed, context="other")
    with pytest.raises(SealBroken, match="another key"):
        Sealer("other").open(sealed, context="one")
    assert sealed != SEALER.seal(SECRET, context="one")


@given(st.data())
def test_a_damaged_text_says_so_and_no_more(data: st.DataObject) -> None:
    sealed = SEALER.seal(SECRET, context="c")
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda one: one != sealed[at]))
    said = ""
    try:
        assert SEALER.open(sealed[:at] + other + sealed[at + 1 :], context="c") == SECRET  # bits that base64 drops
    except SealBroken as error:
        said = str(error)
    assert SECRET not in said


@given(st.text(max_size=80))
def test_any_text_is_refused_without_a_crash(text: str) -> None:
    with pytest.raises(SealBroken):
        SEALER.open(text, context="c")
