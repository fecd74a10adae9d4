"""Reading the requests that pass as they are: chat, completions, embeddings, rerank, score, tokenize.

Judged just enough: is it JSON, which model, streamed or not, how much it may cost, what it asks of the model. All else
is the engine's to judge; unknown fields pass. The bytes pass too, unless usage has to be asked for.
"""

import json
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from appliance.base.errors import BadRequest
from appliance.gateway.json_objects import as_list, as_object
from appliance.gateway.wire.fields import (
    Fields,
    asked_tokens,
    flag,
    model_name,
    optional_text,
    text_or_list,
    wrong_type,
)
from appliance.gateway.wire.infill import infill_fields
from appliance.gateway.wire.media import MediaPolicy, media_in_fields, media_in_messages
from appliance.gateway.wire.needs import needs_of
from appliance.gateway.wire.parsed import Around, ParsedRequest, estimated_tokens

ASK_FOR_USAGE = b'{"stream_options":{"include_usage":true},'


def read_chat(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:
    model, messages = model_name(fields), as_list(fields.get("messages"))
    check_messages(fields, messages)
    media = media_in_messages(messages or [], policy=policy)
    return generation(model, fields, body, needs=needs_of(fields, media=media))


def read_completion(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:  # noqa: ARG001  one shape
    model = model_name(fields)
    text_or_list(fields, "prompt")
    parsed = generation(model, fields, body, needs=needs_of(fields))
    if not optional_text(fields, "suffix"):
        return parsed

    async def with_suffix(around: Around) -> ParsedRequest:
        built = infill_fields(fields, model=around.model)
        body = to_json(built)
        sent = with_usage(body, built) if parsed.stream and not parsed.keep_usage else body
        return replace(parsed, body=sent, finish=None)

    return replace(parsed, finish=with_suffix)


def generation(model: str, fields: Fields, body: bytes, *, needs: tuple[Any, ...]) -> ParsedRequest:
    stream = flag(fields, "stream")
    options = as_object(fields.get("stream_options"))
    if options is None and fields.get("stream_options") is not None:
        raise wrong_type(fields, "stream_options", "an object")
    keep_usage = bool(options and options.get("include_usage"))
    return ParsedRequest(
        model=model,
        stream=stream,
        keep_usage=keep_usage,
        body=with_usage(body, fields) if stream and not keep_usage else body,
        prompt_tokens=estimated_tokens(body),
        completion_tokens=asked_tokens(fields),
        needs=needs,
        user=user_of(fields),
    )


def user_of(fields: Fields, *, name: str = "user") -> str | None:
    user = fields.get(name)
    return user if isinstance(user, str) else None


def with_usage(body: bytes, fields: Fields) -> bytes:
    """Ask the engine for the usage frame: spliced in where the client gave no options, else written anew."""
    if "stream_options" not in fields:
        return ASK_FOR_USAGE + body.lstrip()[1:]
    options = as_object(fields["stream_options"]) or {}
    asked = {**options, "include_usage": True, "continuous_usage_stats": False}
    return json.dumps({**fields, "stream_options": asked}, ensure_ascii=False).encode()


def check_messages(fields: Fields, messages: list[Any] | None) -> None:
    if not messages:
        raise wrong_type(fields, "messages", "a list with at least one message")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role").__class__ is not str:  # pyright: ignore[reportUnknownMemberType]
            name = f"messages[{index}]"
            raise BadRequest(f"'{name}' has to be an object with a role.", param=name, code="invalid_type")


def read_embedding(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:
    """vLLM embeds a conversation too (`messages`), with what it shows."""
    model = model_name(fields)
    if "messages" in fields:
        messages = as_list(fields["messages"])
        check_messages(fields, messages)
        return prompt_only(model, body, media=media_in_messages(messages or [], policy=policy))
    text_or_list(fields, "input")
    return prompt_only(model, body, media=media_in_fields(fields, body, policy=policy))


def read_rerank(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:
    """Jina's and Cohere's shape: `query`, `documents`, `top_n`. vLLM takes it as it is, and llama.cpp too."""
    model = model_name(fields)
    if not fields.get("query"):
        raise wrong_type(fields, "query", "text, and not empty")
    if not fields.get("documents") or not isinstance(fields["documents"], (list, dict)):
        raise wrong_type(fields, "documents", "a list with at least one document")
    return prompt_only(model, body, media=media_in_fields(fields, body, policy=policy))


SCORE_PAIRS = (("text_1", "text_2"), ("queries", "documents"), ("queries", "items"), ("data_1", "data_2"))


def read_score(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:
    """vLLM's shape in its several spellings: two texts, or a list on either side."""
    model = model_name(fields)
    if not any(fields.get(one) and fields.get(other) for one, other in SCORE_PAIRS):
        missing = "text_2" if fields.get("text_1") else "text_1"
        raise wrong_type({}, missing, "text or a list; score compares `text_1` with `text_2`")
    return prompt_only(model, body, media=media_in_fields(fields, body, policy=policy))


def prompt_only(model: str, body: bytes, *, media: list[tuple[str, str]]) -> ParsedRequest:
    return ParsedRequest(
        model=model,
        stream=False,
        keep_usage=False,
        body=body,
        prompt_tokens=estimated_tokens(body),
        completion_tokens=0,
        needs=needs_of({}, media=media) if media else (),
    )


def chat_body(fields: Fields, *, running_usage: bool) -> bytes:
    """The body of a chat completion that was built here; a stream is asked for its usage."""
    if not fields.get("stream"):
        return to_json(fields)
    options: dict[str, bool] = {"include_usage": True, **({"continuous_usage_stats": True} if running_usage else {})}
    return to_json({**fields, "stream_options": options})
