"""Items of OpenAI's responses as chat messages: messages, function calls with their outputs, reasoning.

Shapes: `openai.types.responses.ResponseInputItemParam`. A chat completion has one message for an answer with all its
calls, so what belongs to one turn of the assistant is put together. System and developer messages at the beginning
become one: many chat templates take only one, and only there.
"""

from typing import Any

from pydantic_core import to_json

from appliance.gateway.json_objects import as_list, as_object
from appliance.gateway.wire.fields import Fields, entry, not_supported, wrong_entry
from appliance.gateway.wire.media import MediaPolicy

TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")


class ItemsReader:
    """Takes items one after the other; `messages` are the chat completion's."""

    def __init__(self, policy: MediaPolicy, *, instructions: str | None) -> None:
        self.messages: list[Fields] = []
        self.media: list[tuple[str, str]] = []
        self._policy = policy
        self._reasoning = ""
        if instructions:
            self.messages.append({"role": "system", "content": instructions})

    def add(self, item: Fields, *, at: str) -> None:
        """Raises BadRequest with the place of what is wrong."""
        match item.get("type", "message"):
            case "message":
                self._add_message(item, at)
            case "reasoning":
                self._reasoning = "".join(texts(item.get("content")) or texts(item.get("summary")))
            case "function_call":
                self._add_call(item)
            case "function_call_output":
                self._add_output(item, at)
            case "item_reference":
                raise not_supported(
                    f"{at}.type", "items are kept within their responses", hint="Use previous_response_id."
                )
            case kind:
                raise not_supported(
                    f"{at}.type", f"an item of type {str(kind)[:60]!r} cannot be passed to a model here"
                )

    def _add_message(self, item: Fields, at: str) -> None:
        role = item.get("role")
        if role not in ("user", "assistant", "system", "developer"):
            raise wrong_entry(f"{at}.role", "user, assistant, system or developer")
        content = self._content(item.get("content"), f"{at}.content")
        if role == "assistant":
            self.messages.append(self._assistant(content))
        elif role == "user":
            self.messages.append({"role": "user", "content": content})
        else:
            self._add_system(content)

    def _add_system(self, content: Any) -> None:
        said = content if isinstance(content, str) else "\n".join(texts(content))
        if self.messages and all(message["role"] == "system" for message in self.messages):
            self.messages[-1] = {"role": "system", "content": f"{self.messages[-1]['content']}\n\n{said}"}
        else:
            self.messages.append({"role": "system", "content": said})

    def _assistant(self, content: Any) -> Fields:
        message: Fields = {"role": "assistant", "content": content}
        if self._reasoning:
            message["reasoning_content"] = message["reasoning"] = self._reasoning
            self._reasoning = ""
        return message

    def _add_call(self, item: Fields) -> None:
        """To the assistant's message right before it, whose calls it continues."""
        if not self.messages or self.messages[-1]["role"] != "assistant" or self._reasoning:
            self.messages.append(self._assistant(None))
        function = {"name": str(item.get("name", "")), "arguments": str(item.get("arguments") or "{}")}
        call = {"id": str(item.get("call_id", "")), "type": "function", "function": function}
        self.messages[-1].setdefault("tool_calls", []).append(call)

    def _add_output(self, item: Fields, at: str) -> None:
        output = self._content(item.get("output"), f"{at}.output")
        message: Fields = {"role": "tool", "tool_call_id": str(item.get("call_id", ""))}
        if isinstance(output, str):
            self.messages.append({**message, "content": output})
            return
        shown = [part for part in output if part["type"] != "text"]
        self.messages.append({**message, "content": "\n".join(texts(output))})
        self.messages.append({"role": "user", "content": shown})

    def _content(self, content: object, at: str) -> Any:
        """Text where there is nothing but text, else the parts of a chat message."""
        if isinstance(content, str):
            return content
        listed = as_list(content)
        if listed is None:
            raise wrong_entry(at, "text or a list of parts")
        parts = [self._part(entry(part, at=f"{at}[{n}]"), f"{at}[{n}]") for n, part in enumerate(listed)]
        if all(part["type"] == "text" for part in parts):
            return "\n".join(part["text"] for part in parts)
        return parts

    def _part(self, part: Fields, at: str) -> Fields:
        kind = part.get("type")
        if kind in TEXTS:
            return {"type": "text", "text": str(part.get("text", ""))}
        if kind == "refusal":
            return {"type": "text", "text": str(part.get("refusal", ""))}
        if kind == "input_image" and part.get("image_url"):
            self._policy.check(part["image_url"], at=f"{at}.image_url")
            self.media.append(("image_url", at))
            detail = {"detail": part["detail"]} if part.get("detail") else {}
            return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
        if kind == "input_audio":
            self.media.append(("input_audio", at))
            return {"type": "input_audio", "input_audio": part.get("input_audio")}
        raise not_supported(f"{at}.type", f"a part of type {str(kind)[:60]!r} cannot be passed to a model here")


def texts(parts: object) -> list[str]:
    """The texts in a list of parts, whatever they are called."""
    found = [(as_object(part) or {}).get("text") for part in as_list(parts) or []]
    return [each for each in found if isinstance(each, str)]


def normal_items(given: object, *, response_id: str) -> list[Fields]:
    """The request's input as items that each have an id, as they are stored and listed."""
    listed: list[Any] = [given] if isinstance(given, str) else (as_list(given) or [])
    items: list[Fields] = []
    for number, value in enumerate(listed):
        item = {"role": "user", "content": value} if isinstance(value, str) else entry(value, at=f"input[{number}]")
        kind = item.get("type", "message")
        known = {"id": f"{PREFIXES.get(kind, 'item_')}{response_id.removeprefix('resp_')}i{number:03x}", "type": kind}
        items.append({**known, **item, **({"content": as_parts(item)} if kind == "message" else {})})
    return items


PREFIXES = {"message": "msg_", "function_call": "fc_", "function_call_output": "fco_", "reasoning": "rs_"}


def as_parts(message: Fields) -> Any:
    content = message.get("content")
    kind = "output_text" if message.get("role") == "assistant" else "input_text"
    return [{"type": kind, "text": content}] if isinstance(content, str) else content


def size_of(items: list[Fields]) -> int:
    return len(to_json(items))
