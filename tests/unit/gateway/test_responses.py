"""OpenAI's responses into chat completions and back, checked against the types of the openai package."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest
from hypothesis import given, settings
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from appliance.base.contracts.snapshot import SnapshotKey, SnapshotModel
from appliance.base.errors import BadRequest, RateLimited, Unavailable
from appliance.gateway.wire.endpoints import ENDPOINTS
from appliance.gateway.wire.fields import parse_fields
from appliance.gateway.wire.media import DATA_ONLY
from appliance.gateway.wire.parsed import Around, ParsedRequest, Turn
from appliance.gateway.wire.response_store import FinishedResponse
from tests.fixtures.wire_streams import CUTS, Chat, chats, delta, events, fed, stream, usage

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": True}
DIGITS = "a" * 32


class Shelf:
    """Stored responses in memory; `away` as when the control plane does not answer."""

    def __init__(self, *, away: bool = False, items: list[dict[str, Any]] | None = None) -> None:
        self.away = away
        self.items = items or []
        self.put_away: list[FinishedResponse] = []

    async def chain(self, response_id: str, *, key: SnapshotKey, request_id: str) -> list[dict[str, Any]]:
        assert (key.key_id, request_id) == ("key-1", f"req-{DIGITS}")
        assert response_id == "resp_before"
        return self.items

    async def put(self, response: FinishedResponse, *, key: SnapshotKey, request_id: str) -> None:
        assert (key.key_id, request_id) == ("key-1", f"req-{DIGITS}")
        if self.away:
            raise Unavailable("away")
        self.put_away.append(response)


def run(work: Awaitable[Any]) -> Any:
    async def wait() -> Any:
        return await work

    return asyncio.run(wait())


def read(**fields: Any) -> ParsedRequest:
    body = json.dumps({"model": "m", "input": "hi", **fields}).encode()
    return ENDPOINTS["/v1/responses"].read(parse_fields(body), body, DATA_ONLY)


def finished(parsed: ParsedRequest, shelf: Shelf | None = None) -> ParsedRequest:
    model = SnapshotModel(name="m", served_model_id="s", task="chat", max_model_len=9, owned_by="us", created=1)
    key = SnapshotKey(key_id="key-1", digest="d", project_id="proj-1")
    assert parsed.finish is not None
    return run(parsed.finish(Around(request_id=f"req-{DIGITS}", key=key, model=model, store=shelf or Shelf())))


def chat_of(shelf: Shelf | None = None, **fields: Any) -> dict[str, Any]:
    return json.loads(finished(read(**fields), shelf).body)


def turn_of(shelf: Shelf | None = None, **fields: Any) -> Turn:
    made = finished(read(**fields), shelf).turn
    assert made is not None
    return made()


def test_a_text_and_instructions_become_a_chat() -> None:
    assert chat_of(instructions="Be brief.")["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
    ]


def test_items_of_one_turn_become_one_message() -> None:
    items = [
        {"role": "developer", "content": "Be kind."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "weather?"}]},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "sun"}]},
    ]
    system, user, assistant, one, two = chat_of(instructions="Be brief.", input=items)["messages"]
    assert system == {"role": "system", "content": "Be brief.\n\nBe kind."}
    assert user == {"role": "user", "content": "weather?"}
    assert (assistant["content"], assistant["reasoning_content"]) == ("I look.", "hm")
    assert [call["id"] for call in assistant["tool_calls"]] == ["c1", "c2"]
    assert (one["content"], two["content"]) == ("rain", "sun")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_output_tokens": 5}, {"max_tokens": 5}),
        ({"reasoning": {"effort": "low"}}, {"reasoning_effort": "low"}),
        ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}}},
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}}},
        ),
        ({"tools": [TOOL], "tool_choice": "required"}, {"tool_choice": "required"}),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "name": "weather"}},
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
        ),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"min_p": 0.1, "metadata": {"a": "b"}, "stream": True}, {"min_p": 0.1, "stream": True}),
    ],
)
def test_options_become_their_names_of_a_chat(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    chat = chat_of(**fields)
    assert {name: chat[name] for name in expected} == expected
    assert "metadata" not in chat


def test_only_the_allowed_tools_are_passed() -> None:
    other = {**TOOL, "name": "other"}
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "other"}]}
    chat = chat_of(tools=[TOOL, other], tool_choice=allowed)
    assert [tool["function"]["name"] for tool in chat["tools"]] == ["other"]
    assert chat["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"input": None}, "input"),
        ({"input": [7]}, "input[0]"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "http://localhost/x"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice.type"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"store": "yes"}, "store"),
        ({"max_output_tokens": -1}, "max_output_tokens"),
    ],
)
def test_what_cannot_be_passed_is_named(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(**changes)
    assert caught.value.param == param


def test_the_responses_before_stand_before_the_input() -> None:
    past = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "I am Ada."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello Ada."}]},
    ]
    chat = chat_of(Shelf(items=past), previous_response_id="resp_before", instructions="New ones.")
    assert [message["content"] for message in chat["messages"]] == ["New ones.", "I am Ada.", "Hello Ada.", "hi"]


@settings(deadline=None)
@given(chats(), CUTS)
def test_a_stream_cut_anywhere_gives_the_same_events(chat: Chat, cuts: list[int]) -> None:
    reasoning, text, calls, content = chat
    shelf = Shelf()
    made = turn_of(shelf, stream=True)
    said = events(fed(made, content, cuts) + run(made.close()))
    assert [name for name, _ in said] == [event["type"] for _, event in said]
    assert [event["sequence_number"] for _, event in said] == list(range(len(said)))
    for _, event in said:
        EVENT.validate_python(event)
    response = said[-1][1]["response"]
    assert said[0][0] == "response.created"
    assert said[-1][0] == "response.completed"
    items = response["output"]
    assert "".join(item["content"][0]["text"] for item in items if item["type"] == "reasoning") == reasoning
    assert "".join(item["content"][0]["text"] for item in items if item["type"] == "message") == text
    assert [item["arguments"] for item in items if item["type"] == "function_call"] == calls
    assert [event["item"] for name, event in said if name == "response.output_item.done"] == items
    deltas = [event["delta"] for name, event in said if name == "response.output_text.delta"]
    assert "".join(deltas) == text
    assert [each.body for each in shelf.put_away] == [response]
    again = turn_of(stream=True)
    other = events(fed(again, content, []) + run(again.close()))
    assert [(name, event.get("delta")) for name, event in other] == [(name, event.get("delta")) for name, event in said]


def test_a_whole_answer_is_a_response_of_the_types() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    message = {"role": "assistant", "content": "yes", "reasoning_content": "hm", "tool_calls": [call]}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": usage()["usage"]}
    shelf = Shelf()
    raw = run(turn_of(shelf, metadata={"a": "b"}, tools=[TOOL]).whole(json.dumps(body).encode()))
    response = Response.model_validate_json(raw, strict=False)
    assert (response.id, response.status, response.output_text) == (f"resp_{DIGITS}", "completed", "yes")
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call"]
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens) == (7, 5, 12)
    assert response.usage.input_tokens_details.cached_tokens == 2
    assert shelf.put_away[0].input_items[0]["content"] == [{"type": "input_text", "text": "hi"}]


@pytest.mark.parametrize(("reason", "said"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_a_cut_answer_is_incomplete(reason: str, said: str) -> None:
    made = turn_of(stream=True)
    chunks = [delta({"role": "assistant", "content": "a"}), delta({}, finish=reason), usage()]
    name, event = events(fed(made, stream(chunks), []) + run(made.close()))[-1]
    assert (name, event["response"]["incomplete_details"]) == ("response.incomplete", {"reason": said})


def test_a_response_that_cannot_be_stored_says_so() -> None:
    body = json.dumps({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}).encode()
    assert json.loads(run(turn_of(Shelf(away=True)).whole(body)))["store"] is False


def test_a_response_that_shall_not_be_stored_is_not() -> None:
    shelf = Shelf()
    body = json.dumps({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}).encode()
    assert json.loads(run(turn_of(shelf, store=False).whole(body)))["store"] is False
    assert not shelf.put_away


def test_a_stream_that_breaks_fails_with_what_there_is() -> None:
    made = turn_of(stream=True)
    said = events(fed(made, stream([delta({"content": "half"})]), []) + made.fail(RateLimited("slow")))
    name, event = said[-1]
    EVENT.validate_python(event)
    assert (name, event["response"]["status"]) == ("response.failed", "failed")
    assert event["response"]["error"]["code"] == "rate_limit_exceeded"
    assert event["response"]["output"][0]["content"][0]["text"] == "half"
