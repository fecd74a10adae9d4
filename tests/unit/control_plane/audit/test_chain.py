"""The chain: what was changed, removed, moved or cut off is named. And no secret gets into an entry."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.audit.chain import FIRST_HASH, Head, Link, entry_hash, verify
from control_plane.audit.masking import MASK, masked


def chain(*contents: dict[str, Any]) -> tuple[list[Link], Head]:
    links, last = list[Link](), Head()
    for number, content in enumerate(contents, start=1):
        said = entry_hash(content, sequence=number, previous_hash=last.hash)
        links.append(Link(number, last.hash, said, content))
        last = Head(number, said)
    return links, last


ENTRIES = [{"action": "key.create", "target": f"key-{number}", "after": {"name": "ü"}} for number in range(5)]


def faults(links: list[Link], head: Head) -> list[int]:
    return [fault.sequence for fault in verify(links, head=head).faults]


def test_a_whole_chain_holds() -> None:
    links, head = chain(*ENTRIES)
    verdict = verify(links, head=head)
    assert (verdict.holds, verdict.entries, verdict.head) == (True, 5, head)
    assert verify([], head=Head()).holds
    assert links[0].previous_hash == FIRST_HASH


@pytest.mark.parametrize("number", range(5))
def test_a_changed_entry_is_named_and_only_that_one(number: int) -> None:
    links, head = chain(*ENTRIES)
    links[number] = replace(links[number], content={**links[number].content, "target": "another"})
    assert faults(links, head) == [number + 1]


def test_an_entry_whose_hash_was_made_to_fit_breaks_at_the_next_one() -> None:
    links, head = chain(*ENTRIES)
    content = {**links[2].content, "target": "another"}
    forged = entry_hash(content, sequence=3, previous_hash=links[2].previous_hash)
    links[2] = replace(links[2], content=content, hash=forged)
    assert faults(links, head) == [4]


@pytest.mark.parametrize("number", range(5))
def test_a_removed_entry_is_named(number: int) -> None:
    links, head = chain(*ENTRIES)
    del links[number]
    assert faults(links, head) == [number + 1]


def test_a_chain_that_was_cut_off_is_shorter_than_its_head() -> None:
    links, head = chain(*ENTRIES)
    verdict = verify(links[:2], head=head)
    assert [(fault.sequence, fault.problem) for fault in verdict.faults] == [(3, "the entries 3 to 5 are missing")]
    assert not verify(links, head=replace(head, hash=FIRST_HASH)).holds


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True))
def test_whatever_is_removed_shows(numbers: list[int]) -> None:
    links, head = chain(*ENTRIES)
    assert not verify([link for link in links if link.sequence - 1 not in numbers], head=head).holds


def test_secrets_are_masked_by_name_and_by_look() -> None:
    secret = "sk-ts-aaaaaaaaaaaa-" + "k" * 43
    before = {
        "password": "x",
        "token_digest": "x",
        "max_tokens": 5,
        "failed_count": 3,
        "nested": [{"api_key": "x", "name": f"made with {secret}"}],
        "must_change_password": True,
    }
    assert masked(before) == {
        "password": MASK,
        "token_digest": MASK,
        "max_tokens": 5,
        "failed_count": 3,
        "nested": [{"api_key": MASK, "name": f"made with {MASK}"}],
        "must_change_password": True,
    }
    assert masked(None) is None
    assert "k" * 43 not in str(masked({"text": f"sk-admin-bbbbbbbbbbbb-{'k' * 43}"}))
