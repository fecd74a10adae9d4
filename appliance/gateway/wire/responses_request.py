"""OpenAI's responses as a chat completion: `POST /v1/responses` and `/v1/responses/input_tokens`.

Shapes: `openai.types.responses.ResponseCreateParams`. What only OpenAI runs (its own tools, background, conversations)
is refused by name; fields that nobody knows pass on to the engine.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from appliance.gateway.json_objects import as_list, as_object
from appliance.gateway.wire.chat_requests import chat_body, user_of
from appliance.gateway.wire.fields import (
    Fields,
    entry,
    flag,
    model_name,
    not_supported,
    optional_list,
    optional_object,
    optional_text,
    positive,
    text_or_list,
    wrong_entry,
)
from appliance.gateway.wire.media import MediaPolicy
from appliance.gateway.wire.needs import needs_of
from appliance.gateway.wire.parsed import Around, ParsedRequest, estimated_tokens
from appliance.gateway.wire.responses_answer import ResponseTurn, Storing
from appliance.gateway.wire.responses_items import ItemsReader, normal_items, size_of
from appliance.gateway.wire.responses_object import Wanted
from appliance.gateway.wire.tokens import count_of

PASSED = ("temperature", "top_p", "parallel_tool_calls", "user", "safety_identifier", "prompt_cache_key", "stream")
DROPPED = frozenset(
    {"metadata", "include", "max_tool_calls", "truncation", "service_tier", "store", "background", "stream_options"}
    | {"prompt_cache_retention", "prompt_cache_options", "context_management"}
)
TRANSLATED = frozenset(
    {"model", "input", "instructions", "tools", "tool_choice", "text", "reasoning", "max_output_tokens"}
    | {"top_logprobs", "previous_response_id", *PASSED}
)
REFUSED = {
    "background": "responses are not run in the background",
    "conversation": "conversations are not kept",
    "prompt": "prompts are not kept",
}
REFUSED_HINTS = {"conversation": "Use previous_response_id.", "background": "Leave it out, or use a batch."}
NAMES = {
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "logprobs": "include",
    "messages": "input",
}
METADATA_MOST = 16
LOGPROBS_WANTED = "message.output_text.logprobs"


def read_response(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:
    """The body waits for `finish`: it may need the responses before this one."""
    check(fields)
    reader, chat = translate(fields, policy, earlier=[])
    parsed = ParsedRequest(
        model=chat["model"],
        stream=flag(fields, "stream"),
        keep_usage=True,
        body=b"",
        prompt_tokens=estimated_tokens(body),
        completion_tokens=positive(fields, "max_output_tokens"),
        needs=needs_of(chat, media=reader.media, names=NAMES),
        user=user_of(fields),
    )
    previous = optional_text(fields, "previous_response_id")

    async def finish(around: Around) -> ParsedRequest:
        earlier: list[Fields] = []
        whole = chat
        if previous:
            earlier = await around.store.chain(previous, key=around.key, request_id=around.request_id)
            _, whole = translate(fields, policy, earlier=earlier)
        response_id = around.request_id.replace("req-", "resp_", 1)
        storing = Storing(around, input_items=normal_items(fields["input"], response_id=response_id), previous=previous)
        return replace(
            parsed,
            body=chat_body(whole, running_usage=False),
            prompt_tokens=parsed.prompt_tokens + (size_of(earlier) // 4 if earlier else 0),
            turn=partial(
                ResponseTurn, Wanted(fields, model=around.model.name, response_id=response_id), storing=storing
            ),
            finish=None,
        )

    return replace(parsed, finish=finish)


def read_input_tokens(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:  # noqa: ARG001
    """What `POST /v1/responses` would read: the same fields."""
    check(fields)

    def write(answer: Fields) -> Fields:
        return {"object": "response.input_tokens", "input_tokens": answer["count"]}

    _, chat = translate(fields, policy, earlier=[])
    parsed = count_of(chat, write=write)
    previous = optional_text(fields, "previous_response_id")
    if not previous:
        return parsed

    async def finish(around: Around) -> ParsedRequest:
        earlier = await around.store.chain(previous, key=around.key, request_id=around.request_id)
        _, whole = translate(fields, policy, earlier=earlier)
        return count_of(whole, write=write)

    return replace(parsed, finish=finish)


def check(fields: Fields) -> None:
    text_or_list(fields, "input")
    for name, reason in REFUSED.items():
        if fields.get(name):
            raise not_supported(name, reason, hint=REFUSED_HINTS.get(name))
    flag(fields, "store")
    metadata = optional_object(fields, "metadata")
    if len(metadata) > METADATA_MOST or not all(isinstance(value, str) for value in metadata.values()):
        raise wrong_entry("metadata", f"at most {METADATA_MOST} pairs of texts")


def translate(fields: Fields, policy: MediaPolicy, *, earlier: list[Fields]) -> tuple[ItemsReader, Fields]:
    """The chat completion's fields, and the reader with what the input shows and plays."""
    reader = ItemsReader(policy, instructions=optional_text(fields, "instructions"))
    for number, item in enumerate(earlier):
        reader.add(item, at=f"previous_response_id[{number}]")
    given: Any = fields["input"]
    listed: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else given
    for number, value in enumerate(listed):
        reader.add(entry(value, at=f"input[{number}]"), at=f"input[{number}]")
    chat: Fields = {"model": model_name(fields), "messages": reader.messages}
    chat |= {name: fields[name] for name in PASSED if fields.get(name) is not None}
    chat |= {name: value for name, value in fields.items() if name not in TRANSLATED | DROPPED | REFUSED.keys()}
    chat |= tools(fields) | output(fields)
    return reader, chat


def tools(fields: Fields) -> Fields:
    listed = [entry(each, at=f"tools[{n}]") for n, each in enumerate(optional_list(fields, "tools"))]
    found: Fields = {}
    choice = fields.get("tool_choice")
    if (named := as_object(choice)) is not None:
        if named.get("type") == "allowed_tools":
            allowed = {(as_object(each) or {}).get("name") for each in as_list(named.get("tools")) or []}
            listed = [each for each in listed if each.get("name") in allowed]
            found["tool_choice"] = named.get("mode", "auto")
        elif named.get("type") == "function":
            found["tool_choice"] = {"type": "function", "function": {"name": named.get("name")}}
        else:
            raise not_supported("tool_choice.type", "only functions can be chosen")
    elif choice is not None:
        found["tool_choice"] = choice
    if listed:
        found["tools"] = [function(each, at=f"tools[{n}]") for n, each in enumerate(listed)]
    else:
        found.pop("tool_choice", None)
    return found


def function(tool: Fields, *, at: str) -> Fields:
    if tool.get("type") != "function":
        raise not_supported(
            f"{at}.type", f"the tool {str(tool.get('type'))[:60]!r} runs at OpenAI", hint="Tools of type function work."
        )
    kept = {name: tool[name] for name in ("name", "description", "parameters", "strict") if tool.get(name) is not None}
    return {"type": "function", "function": kept}


def output(fields: Fields) -> Fields:
    """How long, in what form, with how much thought, and with which probabilities."""
    found: Fields = {}
    text = optional_object(fields, "text")
    shape = as_object(text.get("format")) or {}
    if shape.get("type") == "json_schema":
        found["response_format"] = {
            "type": "json_schema",
            "json_schema": {name: value for name, value in shape.items() if name != "type"},
        }
    elif shape.get("type") == "json_object":
        found["response_format"] = {"type": "json_object"}
    if text.get("verbosity") is not None:
        found["verbosity"] = text["verbosity"]
    if (effort := optional_object(fields, "reasoning").get("effort")) is not None:
        found["reasoning_effort"] = effort
    if (most := positive(fields, "max_output_tokens")) is not None:
        found["max_tokens"] = most
    top = positive(fields, "top_logprobs")
    if LOGPROBS_WANTED in optional_list(fields, "include") or top:
        found |= {"logprobs": True, "top_logprobs": top or 0}
    return found
