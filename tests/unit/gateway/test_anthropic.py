"""Anthropic's messages into chat completions and back; shapes by hand from the types of Anthropic's Python SDK."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings

from appliance.base.errors import BadRequest, RateLimited, Unavailable
from appliance.gateway.wire.anthropic_answer import MessageTurn
from appliance.gateway.wire.anthropic_request import translate
from appliance.gateway.wire.endpoints import ENDPOINTS
from appliance.gateway.wire.fields import parse_fields
from appliance.gateway.wire.media import DATA_ONLY, MediaPolicy
from tests.fixtures.wire_streams import CUTS, Chat, chats, delta, events, fed, stream, usage

PIXEL = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
TOOL = {"name": "weather", "description": "of a city", "input_schema": {"type": "object"}}


def chat_of(**fields: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    given_fields = {**said, **fields}
    return translate(given_fields, MediaPolicy(frozenset({"pictures.example"})))[1]


def turn(**options: Any) -> MessageTurn:
    return MessageTurn("req-" + "a" * 32, model="m", stops=options.get("stops", ()))


def accumulate(said: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """As the SDK's `accumulate_event` builds the message from its events."""
    assert [name for name, _ in said] == [content["type"] for _, content in said]
    message: dict[str, Any] = said[0][1]["message"]
    written: dict[int, str] = {}
    for kind, content in said[1:]:
        if kind == "content_block_start":
            assert content["index"] == len(message["content"])
            message["content"].append(content["content_block"])
        elif kind == "content_block_delta":
            block, change = message["content"][content["index"]], content["delta"]
            if change["type"] == "input_json_delta":
                written[content["index"]] = written.get(content["index"], "") + change["partial_json"]
            else:
                name = change["type"].removesuffix("_delta")
                block[name] += change[name]
        elif kind == "message_delta":
            message |= content["delta"]
            message["usage"] |= content["usage"]
    for index, text in written.items():
        message["content"][index]["input"] = json.loads(text)
    return message


def test_a_conversation_with_everything_becomes_a_chat() -> None:
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "see"}, {"type": "image", "source": PIXEL}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "I look it up."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Lima"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "rain"}]},
                {"type": "text", "text": "and now?"},
            ],
        },
    ]
    chat = chat_of(messages=messages, system=[{"type": "text", "text": "Be brief.", "cache_control": {}}], tools=[TOOL])
    system, user, assistant, tool, last = chat["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert user["content"][1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert (assistant["content"], assistant["reasoning_content"]) == ("I look it up.", "hm")
    assert json.loads(assistant["tool_calls"][0]["function"]["arguments"]) == {"city": "Lima"}
    assert tool == {"role": "tool", "tool_call_id": "toolu_1", "content": "rain"}
    assert last == {"role": "user", "content": "and now?"}
    assert chat["tools"][0]["function"]["parameters"] == {"type": "object"}


@pytest.mark.parametrize(
    ("given_fields", "expected"),
    [
        ({"stop_sequences": ["x"], "top_k": 3, "temperature": 0.5}, {"stop": ["x"], "top_k": 3, "temperature": 0.5}),
        ({"metadata": {"user_id": "u"}}, {"user": "u"}),
        ({"tools": [TOOL], "tool_choice": {"type": "any"}}, {"tool_choice": "required"}),
        ({"tool_choice": {"type": "none"}}, {"tool_choice": "none"}),
        (
            {"tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}},
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}, "parallel_tool_calls": False},
        ),
        ({"thinking": {"type": "disabled"}}, {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}),
        ({"output_config": {"effort": "low"}}, {"reasoning_effort": "low"}),
        ({"min_p": 0.1, "service_tier": "auto"}, {"min_p": 0.1}),
    ],
)
def test_options_become_their_names_of_a_chat(given_fields: dict[str, Any], expected: dict[str, Any]) -> None:
    chat = chat_of(**given_fields)
    assert {name: chat[name] for name in expected} == expected
    assert "service_tier" not in chat


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0].type"),
    ({"messages": [{"role": "user", "content": [7]}]}, "messages[0].content[0]"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
    ({"tool_choice": {"type": "most"}}, "tool_choice.type"),
    ({"mcp_servers": [{}]}, "mcp_servers"),
    ({"system": [{"type": "image"}]}, "system[0].type"),
    (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "http://10.0.0.1/x"}}]}
            ]
        },
        "messages[0].content[0].source.url",
    ),
]


@pytest.mark.parametrize(("changes", "param"), WRONG)
def test_what_cannot_be_passed_is_named(changes: dict[str, Any], param: str) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **changes}
    raw = json.dumps(body).encode()
    with pytest.raises(BadRequest) as caught:
        ENDPOINTS["/v1/messages"].read(parse_fields(raw), raw, DATA_ONLY)
    assert caught.value.param == param


@settings(deadline=None)
@given(chats(), CUTS)
def test_a_stream_cut_anywhere_builds_the_same_message(chat: Chat, cuts: list[int]) -> None:
    reasoning, text, calls, content = chat
    one, other = turn(), turn()
    said = fed(one, content, cuts) + asyncio.run(one.close())
    assert said == fed(other, content, []) + asyncio.run(other.close())
    message = accumulate(events(said))
    blocks = message["content"]
    assert "".join(block["thinking"] for block in blocks if block["type"] == "thinking") == reasoning
    assert "".join(block["text"] for block in blocks if block["type"] == "text") == text
    assert [block["input"] for block in blocks if block["type"] == "tool_use"] == [json.loads(each) for each in calls]
    assert message["stop_reason"] == ("tool_use" if calls else "end_turn")
    assert message["usage"] == {
        "input_tokens": 5,
        "output_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 2,
    }


def test_the_events_come_in_anthropics_order() -> None:
    made = turn()
    chunks = [delta({"role": "assistant", "content": ""}), delta({"content": "a"}), delta({}, finish="length"), usage()]
    said = fed(made, stream(chunks), []) + asyncio.run(made.close())
    assert [name for name, _ in events(said)] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert accumulate(events(said))["stop_reason"] == "max_tokens"


def test_a_whole_answer_is_a_message() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Lima"}'}}
    message = {"role": "assistant", "content": "yes", "reasoning": "hm", "tool_calls": [call]}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": usage()["usage"]}
    answer = json.loads(asyncio.run(turn().whole(json.dumps(body).encode())))
    assert answer["id"] == "msg_" + "a" * 32
    assert [block["type"] for block in answer["content"]] == ["thinking", "text", "tool_use"]
    assert answer["content"][2]["input"] == {"city": "Lima"}
    assert (answer["type"], answer["role"], answer["stop_reason"]) == ("message", "assistant", "tool_use")
    assert (answer["usage"]["input_tokens"], answer["usage"]["cache_read_input_tokens"]) == (5, 2)


def test_the_stop_sequence_that_ended_it_is_said() -> None:
    choice = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop", "stop_reason": "END"}
    body = json.dumps({"choices": [choice], "usage": usage()["usage"]}).encode()
    answer = json.loads(asyncio.run(turn(stops=("END",)).whole(body)))
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "END")


@pytest.mark.parametrize(
    ("error", "kind"), [(RateLimited("slow"), "rate_limit_error"), (Unavailable("away"), "overloaded_error")]
)
def test_an_error_in_a_stream_is_anthropics(error: Any, kind: str) -> None:
    [(name, content)] = events(turn().fail(error))
    assert (name, content["type"], content["error"]["type"]) == ("error", "error", kind)
    assert content["request_id"] == "req-" + "a" * 32
