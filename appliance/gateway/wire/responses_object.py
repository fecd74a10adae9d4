"""The response object, as `openai.types.responses.Response` has it: what was wished for, and what became of it."""

from dataclasses import dataclass, field

from appliance.base.clock import unix_time
from appliance.gateway.json_objects import as_object
from appliance.gateway.sse import TokenUsage
from appliance.gateway.wire.fields import Fields

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


@dataclass
class Wanted:
    """`fields` as the client sent them."""

    fields: Fields
    model: str
    response_id: str
    created_at: int = field(default_factory=lambda: int(unix_time()))

    @property
    def is_stored(self) -> bool:
        return self.fields.get("store") is not False

    def item_id(self, prefix: str, index: int) -> str:
        return f"{prefix}{self.response_id.removeprefix('resp_')}{index:03x}"

    def response(self, status: str, *, output: list[Fields], stored: bool, error: Fields | None = None) -> Fields:
        """Every field that the type has to have, and those that clients read."""
        given, reasoning = self.fields, as_object(self.fields.get("reasoning")) or {}
        return {
            "id": self.response_id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "background": False,
            "error": error,
            "incomplete_details": None,
            "instructions": given.get("instructions"),
            "max_output_tokens": given.get("max_output_tokens"),
            "metadata": given.get("metadata") or {},
            "model": self.model,
            "output": output,
            "parallel_tool_calls": given.get("parallel_tool_calls", True) is not False,
            "previous_response_id": given.get("previous_response_id"),
            "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
            "store": stored,
            "temperature": given.get("temperature"),
            "text": {"format": {"type": "text"}, **(as_object(given.get("text")) or {})},
            "tool_choice": given.get("tool_choice") or "auto",
            "tools": given.get("tools") or [],
            "top_p": given.get("top_p"),
            "truncation": "disabled",
            "usage": None,
            "user": given.get("user"),
        }


def ended(response: Fields, *, finish_reason: str | None) -> Fields:
    """With the status that the engine's reason for the end means."""
    reason = INCOMPLETE.get(finish_reason or "")
    if reason is None:
        return {**response, "status": "completed", "completed_at": int(unix_time())}
    return {**response, "status": "incomplete", "incomplete_details": {"reason": reason}}


def usage_of(usage: TokenUsage | None, *, reasoning_tokens: int) -> Fields | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
