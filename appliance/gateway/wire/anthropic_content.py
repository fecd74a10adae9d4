"""Anthropic's content blocks as chat messages: text, pictures, tool calls and their results, thinking.

A chat completion wants a tool's result as a message of its own, right behind the assistant's calls; the other blocks of
the same user message follow as one message.
"""

from typing import Any

from pydantic_core import to_json

from appliance.gateway.json_objects import as_list, as_object
from appliance.gateway.wire.fields import Fields, entry, not_supported, wrong_entry
from appliance.gateway.wire.media import MediaPolicy

ROLES = ("user", "assistant", "system")


class Conversation:
    """Takes Anthropic's messages one after the other; `messages` are the chat completion's."""

    def __init__(self, policy: MediaPolicy) -> None:
        self.messages: list[Fields] = []
        self.media: list[tuple[str, str]] = []
        self._policy = policy

    def add_system(self, system: object) -> None:
        said = system if isinstance(system, str) else plain_text(system, at="system")
        if said:
            self.messages.append({"role": "system", "content": said})

    def add(self, message: Fields, *, at: str) -> None:
        """Raises BadRequest with the place of what is wrong."""
        role, content = message.get("role"), message.get("content")
        if role not in ROLES:
            raise wrong_entry(f"{at}.role", "user or assistant")
        if isinstance(content, str):
            self.messages.append({"role": role, "content": content})
            return
        blocks = as_list(content)
        if blocks is None:
            raise wrong_entry(f"{at}.content", "text or a list of blocks")
        places = [(entry(block, at=f"{at}.content[{n}]"), f"{at}.content[{n}]") for n, block in enumerate(blocks)]
        if role == "assistant":
            self._add_assistant(places)
        elif role == "system":
            self.messages.append({"role": "system", "content": plain_text(content, at=f"{at}.content")})
        else:
            self._add_user(places)

    def _add_assistant(self, blocks: list[tuple[Fields, str]]) -> None:
        said: list[str] = []
        thought: list[str] = []
        calls: list[Fields] = []
        for block, at in blocks:
            match block.get("type"):
                case "text":
                    said.append(str(block.get("text", "")))
                case "thinking":
                    thought.append(str(block.get("thinking", "")))
                case "redacted_thinking":
                    pass
                case "tool_use":
                    calls.append(tool_call(block))
                case _:
                    raise unknown_block(block, at)
        message: Fields = {"role": "assistant", "content": "".join(said) or None}
        if thought:
            message["reasoning_content"] = message["reasoning"] = "".join(thought)
        if calls:
            message["tool_calls"] = calls
        elif message["content"] is None:
            message["content"] = ""
        self.messages.append(message)

    def _add_user(self, blocks: list[tuple[Fields, str]]) -> None:
        parts: list[Fields] = []
        for block, at in blocks:
            if block.get("type") == "tool_result":
                parts += self._add_result(block, at)
            else:
                parts.append(self._part(block, at))
        if parts:
            self.messages.append({"role": "user", "content": simplest(parts)})

    def _add_result(self, block: Fields, at: str) -> list[Fields]:
        """The tool's message; what it shows besides text comes back, for the user's message behind it."""
        content = block.get("content")
        parts: list[Fields] = []
        if isinstance(content, str):
            parts = [{"type": "text", "text": content}]
        elif content is not None:
            listed = as_list(content) or []
            parts = [
                self._part(entry(each, at=f"{at}.content[{n}]"), f"{at}.content[{n}]") for n, each in enumerate(listed)
            ]
        said = "\n".join(part["text"] for part in parts if part["type"] == "text")
        if block.get("is_error"):
            said = f"Error: {said}"
        self.messages.append({"role": "tool", "tool_call_id": str(block.get("tool_use_id", "")), "content": said})
        return [part for part in parts if part["type"] != "text"]

    def _part(self, block: Fields, at: str) -> Fields:
        source = as_object(block.get("source")) or {}
        match block.get("type"):
            case "text":
                return {"type": "text", "text": str(block.get("text", ""))}
            case "image":
                url = image_url(source, at=f"{at}.source")
                self._policy.check(url, at=f"{at}.source.url")
                self.media.append(("image_url", at))
                return {"type": "image_url", "image_url": {"url": url}}
            case "document" if source.get("type") == "text":
                title = f"{block['title']}\n" if block.get("title") else ""
                return {"type": "text", "text": f"{title}{source.get('data', '')}"}
            case _:
                raise unknown_block(block, at)


def image_url(source: Fields, *, at: str) -> str:
    match source.get("type"):
        case "base64":
            return f"data:{source.get('media_type', 'image/png')};base64,{source.get('data', '')}"
        case "url":
            return str(source.get("url", ""))
        case _:
            raise not_supported(f"{at}.type", "a picture has to be base64 or a URL")


def tool_call(block: Fields) -> Fields:
    arguments = block.get("input")
    function = {
        "name": str(block.get("name", "")),
        "arguments": to_json({} if arguments is None else arguments).decode(),
    }
    return {"id": str(block.get("id", "")), "type": "function", "function": function}


def plain_text(blocks: object, *, at: str) -> str:
    listed = as_list(blocks)
    if listed is None:
        raise wrong_entry(at, "text or a list of text blocks")
    said: list[str] = []
    for number, value in enumerate(listed):
        block = entry(value, at=f"{at}[{number}]")
        if block.get("type") != "text":
            raise unknown_block(block, f"{at}[{number}]")
        said.append(str(block.get("text", "")))
    return "\n".join(said)


def simplest(parts: list[Fields]) -> Any:
    """Text alone as text: some chat templates know no list of parts."""
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def unknown_block(block: Fields, at: str) -> Exception:
    return not_supported(
        f"{at}.type", f"a block of type {str(block.get('type'))[:60]!r} cannot be passed to a model here"
    )
