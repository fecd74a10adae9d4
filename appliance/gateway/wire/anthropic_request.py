"""Anthropic's messages as a chat completion: `POST /v1/messages` and `/v1/messages/count_tokens`.

Shapes: https://docs.anthropic.com/en/api/messages and the types of Anthropic's Python SDK. What a chat completion has
no place for is refused by name (documents that are files, tools that run at Anthropic); hints about caching are
dropped; fields that nobody knows pass on to the engine.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from appliance.gateway.json_objects import as_object
from appliance.gateway.wire.anthropic_answer import MessageTurn
from appliance.gateway.wire.anthropic_content import Conversation
from appliance.gateway.wire.chat_requests import chat_body, user_of
from appliance.gateway.wire.fields import (
    Fields,
    entry,
    flag,
    model_name,
    not_supported,
    optional_list,
    optional_object,
    positive,
    wrong_entry,
    wrong_type,
)
from appliance.gateway.wire.media import MediaPolicy
from appliance.gateway.wire.needs import needs_of
from appliance.gateway.wire.parsed import Around, ParsedRequest, estimated_tokens
from appliance.gateway.wire.tokens import count_of

PASSED = ("temperature", "top_p", "top_k", "stream")
TRANSLATED = frozenset(
    {"model", "messages", "system", "max_tokens", "stop_sequences", "tools", "tool_choice", "metadata", "thinking"}
    | {"output_config", "output_format", *PASSED}
)
DROPPED = frozenset({"service_tier", "cache_control", "context_management", "inference_geo", "betas", "speed"})
REFUSED = ("mcp_servers", "container")
NAMES = {"response_format": "output_config.format", "reasoning_effort": "output_config.effort"}


def read_messages(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:
    if positive(fields, "max_tokens") in (None, 0):
        raise wrong_type({}, "max_tokens", "a whole number of at least 1")
    conversation, chat = translate(fields, policy)
    stops = tuple(each for each in optional_list(fields, "stop_sequences") if isinstance(each, str))
    parsed = ParsedRequest(
        model=chat["model"],
        stream=flag(fields, "stream"),
        keep_usage=True,
        body=chat_body(chat, running_usage=True),
        prompt_tokens=estimated_tokens(body),
        completion_tokens=chat["max_tokens"],
        needs=(*needs_of(chat, media=conversation.media, names=NAMES), *thinking_needs(fields)),
        user=user_of(as_object(fields.get("metadata")) or {}, name="user_id"),
    )

    async def finish(around: Around) -> ParsedRequest:
        turn = partial(MessageTurn, around.request_id, model=around.model.name, stops=stops)
        return replace(parsed, turn=turn)

    return replace(parsed, finish=finish)


def read_count(fields: Fields, body: bytes, policy: MediaPolicy) -> ParsedRequest:  # noqa: ARG001  one shape for all
    _, chat = translate(fields, policy)
    return count_of(chat, write=lambda answer: {"input_tokens": answer["count"]})


def translate(fields: Fields, policy: MediaPolicy) -> tuple[Conversation, Fields]:
    """The chat completion's fields, and the conversation with what it shows and plays."""
    for name in REFUSED:
        if fields.get(name):
            raise not_supported(name, "this runs at Anthropic only")
    conversation = Conversation(policy)
    chat: Fields = {"model": model_name(fields)}
    if fields.get("system") is not None:
        conversation.add_system(fields["system"])
    messages = optional_list(fields, "messages")
    if not messages:
        raise wrong_type(fields, "messages", "a list with at least one message")
    for index, message in enumerate(messages):
        conversation.add(entry(message, at=f"messages[{index}]"), at=f"messages[{index}]")
    chat["messages"] = conversation.messages
    chat |= {name: fields[name] for name in PASSED if fields.get(name) is not None}
    chat |= {name: value for name, value in fields.items() if name not in TRANSLATED | DROPPED}
    chat |= limits(fields) | tools(fields) | output(fields) | thinking(fields, chat)
    return conversation, chat


def limits(fields: Fields) -> Fields:
    found: Fields = {}
    if (most := positive(fields, "max_tokens")) is not None:
        found["max_tokens"] = most
    if stops := optional_list(fields, "stop_sequences"):
        found["stop"] = stops
    if user := optional_object(fields, "metadata").get("user_id"):
        found["user"] = user
    return found


def tools(fields: Fields) -> Fields:
    found: Fields = {}
    if listed := optional_list(fields, "tools"):
        found["tools"] = [tool(entry(each, at=f"tools[{n}]"), at=f"tools[{n}]") for n, each in enumerate(listed)]
    if choice := optional_object(fields, "tool_choice"):
        found["tool_choice"] = tool_choice(choice)
        if choice.get("disable_parallel_tool_use") is not None:
            found["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]
    return found


def tool(given: Fields, *, at: str) -> Fields:
    if given.get("type", "custom") not in ("custom", None):
        raise not_supported(
            f"{at}.type", f"the tool {str(given['type'])[:60]!r} is Anthropic's own", hint="Describe it."
        )
    if not isinstance(given.get("name"), str) or not given["name"]:
        raise wrong_entry(f"{at}.name", "the name of the tool")
    function: Fields = {"name": given["name"], "parameters": given.get("input_schema") or {"type": "object"}}
    if given.get("description"):
        function["description"] = given["description"]
    if given.get("strict") is not None:
        function["strict"] = given["strict"]
    return {"type": "function", "function": function}


def tool_choice(choice: Fields) -> Any:
    match choice.get("type"):
        case "auto" | "none":
            return choice["type"]
        case "any":
            return "required"
        case "tool":
            return {"type": "function", "function": {"name": choice.get("name")}}
        case _:
            raise wrong_entry("tool_choice.type", "auto, any, tool or none")


def output(fields: Fields) -> Fields:
    """`output_config` with its format and effort; `output_format` is the format's older name."""
    config = optional_object(fields, "output_config")
    wanted = as_object(config.get("format")) or optional_object(fields, "output_format")
    found: Fields = {}
    if wanted:
        if wanted.get("type") != "json_schema" or as_object(wanted.get("schema")) is None:
            raise wrong_entry("output_config.format", "of type json_schema with a schema")
        schema = {"name": "answer", "schema": wanted["schema"], "strict": True}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    if config.get("effort") is not None:
        found["reasoning_effort"] = config["effort"]
    return found


def thinking(fields: Fields, chat: Fields) -> Fields:
    """The switches that chat templates know; a template that has none passes over them."""
    kind = optional_object(fields, "thinking").get("type")
    if kind not in ("enabled", "disabled"):
        return {}
    given = as_object(chat.get("chat_template_kwargs")) or {}
    on = kind == "enabled"
    return {"chat_template_kwargs": {"enable_thinking": on, "thinking": on, **given}}


def thinking_needs(fields: Fields) -> Any:
    """A budget of thinking asks for a model that can; `adaptive` leaves it to the model."""
    if optional_object(fields, "thinking").get("type") != "enabled":
        return ()
    return needs_of({"reasoning_effort": "thinking"}, names={"reasoning_effort": "thinking"})
