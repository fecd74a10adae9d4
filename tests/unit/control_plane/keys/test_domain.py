"""The secret of an API key."""

import hashlib

import pytest

from control_plane.keys.domain import new_key_secret, parse_key_secret


def test_a_new_secret_reads_back() -> None:
    secret = new_key_secret()
    prefix, display_id = secret.text[:6], secret.text[6:18]
    assert (prefix, display_id, len(secret.text)) == ("sk-ts-", secret.display_id, 6 + 12 + 1 + 43)
    assert parse_key_secret(secret.text) == secret
    assert secret.digest == hashlib.sha256(secret.text.encode()).hexdigest()


def test_secrets_differ_and_do_not_show_in_logs() -> None:
    first, second = new_key_secret(), new_key_secret()
    assert first.text != second.text
    assert first.text not in repr(first)


@pytest.mark.parametrize("text", ["", "sk-ts-", "sk-ts-short-x", "sk-proj-" + "a" * 56])
def test_other_texts_are_none_of_ours(text: str) -> None:
    assert parse_key_secret(text) is None
    assert parse_key_secret(new_key_secret().text + "x") is None
