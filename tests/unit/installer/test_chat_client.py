"""Reading a stream of server-sent events: text, figures, and an error in the middle."""

import json
from collections.abc import Iterator

import pytest

from installer.chat_client import ChatRefused, Reply, collect, events


def lines(*chunks: dict[str, object]) -> Iterator[str]:
    for chunk in chunks:
        yield f"data: {json.dumps(chunk)}"
        yield ""
    yield "data: [DONE]"


def piece(text: str | None) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text}}]}


def test_pieces_are_handed_on_and_joined() -> None:
    heard: list[str] = []
    stream = lines(piece(None), piece("A "), piece("box."), {"choices": [], "usage": {"completion_tokens": 5}})
    reply = collect(events(stream), began=0.0, on_text=heard.append)
    assert (reply.text, heard, reply.completion_tokens) == ("A box.", ["A ", "box."], 5)


def test_without_usage_the_pieces_are_counted() -> None:
    assert collect(events(lines(piece("a"), piece("b"))), began=0.0, on_text=lambda _: None).completion_tokens == 2


def test_an_error_in_the_stream_is_raised() -> None:
    broken = lines(piece("A "), {"error": {"message": "the engine is gone"}})
    with pytest.raises(ChatRefused, match="the engine is gone"):
        collect(events(broken), began=0.0, on_text=lambda _: None)


@pytest.mark.parametrize(("tokens", "expected"), [(11, 5.5), (1, 0.5), (0, 0.0)])
def test_speed_counts_the_whole_answer(tokens: int, expected: float) -> None:
    assert Reply("x", tokens, first_token_seconds=1.0, total_seconds=2.0).tokens_per_second == expected
