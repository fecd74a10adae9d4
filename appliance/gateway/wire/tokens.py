"""Counting tokens: `/v1/tokenize`, `/v1/detokenize`, and the two counts of a conversation that other wires have.

The engine's own tokenizer counts, with its chat template. vLLM: `POST /tokenize` takes `prompt` or `messages` and
answers `{count, max_model_len, tokens}`, `POST /detokenize` `{tokens}` -> `{prompt}`. llama.cpp calls the same fields
`content` and answers `{tokens}`; it reads no conversation there. Nothing is generated, so nothing is metered.
"""

from collections.abc import Callable

from pydantic_core import to_json

from appliance.base.errors import ApplianceError
from appliance.gateway.faults import EngineBroken
from appliance.gateway.json_objects import as_list, parse_object
from appliance.gateway.wire.chat_requests import check_messages
from appliance.gateway.wire.errors import OPENAI_VOICE
from appliance.gateway.wire.fields import Fields, model_name, not_supported, optional_list, wrong_type
from appliance.gateway.wire.media import MediaPolicy, media_in_messages
from appliance.gateway.wire.parsed import ParsedRequest

Written = Callable[[Fields], Fields]


class CountTurn:
    """From the engine's answer to a count; `write` gives the client's shape."""

    def __init__(self, write: Written) -> None:
        self._write = write

    async def whole(self, body: bytes) -> bytes:
        try:
            answer = parse_object(body)
        except ValueError as error:
            raise EngineBroken("the engine's answer is not a JSON object") from error
        return to_json(self._write(answer))

    def feed(self, frames: bytes) -> bytes:  # noqa: ARG002  the engine does not stream this
        raise EngineBroken("the engine streamed a count")

    async def close(self) -> bytes:
        return b""

    def fail(self, error: ApplianceError) -> bytes:
        return OPENAI_VOICE.frame(error)


def read_tokenize(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:
    model = model_name(fields)
    if "messages" in fields:
        messages = as_list(fields["messages"])
        check_messages(fields, messages)
        media_in_messages(messages or [], policy=policy)
        return uncounted(model, body, write=counted)
    if not isinstance(fields.get("prompt"), str):
        raise wrong_type(fields, "prompt", "text, or else `messages` a conversation")
    return uncounted(model, to_json({**fields, "content": fields["prompt"]}), write=counted)


def read_detokenize(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:  # noqa: ARG001  one shape
    model = model_name(fields)
    tokens = optional_list(fields, "tokens")
    if not all(isinstance(token, int) and not isinstance(token, bool) for token in tokens) or "tokens" not in fields:
        raise wrong_type(fields, "tokens", "a list of whole numbers")
    return uncounted(model, body, write=as_prompt)


def count_of(chat: Fields, *, write: Written) -> ParsedRequest:
    """The count of a conversation that another wire spoke and that was turned into chat fields."""
    asked = {name: chat[name] for name in ("model", "messages", "tools", "chat_template_kwargs") if name in chat}
    body = to_json({**asked, "add_generation_prompt": True})
    return uncounted(model_name(chat), body, write=lambda answer: write(counted(answer)))


def uncounted(model: str, body: bytes, *, write: Written) -> ParsedRequest:
    return ParsedRequest(
        model=model,
        stream=False,
        keep_usage=False,
        body=body,
        prompt_tokens=0,
        completion_tokens=0,
        turn=lambda: CountTurn(write),
    )


def counted(answer: Fields) -> Fields:
    """vLLM's shape, also where the engine gave only the tokens."""
    if isinstance(answer.get("count"), int):
        return answer
    tokens = answer.get("tokens")
    if not isinstance(tokens, list) or not tokens:
        raise not_supported("messages", "the engine of this model does not count the tokens of a conversation")
    return {**answer, "count": len(tokens)}  # pyright: ignore[reportUnknownArgumentType]


def as_prompt(answer: Fields) -> Fields:
    return answer if "prompt" in answer else {"prompt": answer.get("content", "")}
