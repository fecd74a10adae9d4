"""uv's environment and what its failures mean for a person."""

import pytest

from appliance.engines.uv import explain, uv_environment


def test_pips_settings_serve_where_uvs_are_missing() -> None:
    env = uv_environment({"PIP_FIND_LINKS": "/wheels", "PIP_INDEX_URL": "https://index", "PATH": "/bin", "SECRET": "x"})
    assert env["UV_FIND_LINKS"] == "/wheels"
    assert env["UV_DEFAULT_INDEX"] == "https://index"
    assert "SECRET" not in env


def test_uvs_own_settings_win() -> None:
    env = uv_environment({"PIP_FIND_LINKS": "/wheels", "UV_FIND_LINKS": "/other"})
    assert env["UV_FIND_LINKS"] == "/other"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("error: failed to write: No space left on device (os error 28)", "The disk is full"),
        ("error: Failed to fetch: `https://index/torch/`\n cause: dns error", "could not be fetched"),
        ("error: Hash mismatch for `torch==2.13.0`", "not the one that was locked"),
        ("error: something else", "could not be installed"),
    ],
)
def test_failures_become_sentences(said: str, sentence: str) -> None:
    error = explain(said)
    assert sentence in error.message
    assert error.hint
