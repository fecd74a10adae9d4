"""How an error is said on each wire: OpenAI's envelope, or Anthropic's on its own paths.

Anthropic: `{"type": "error", "error": {"type", "message"}, "request_id"}`, https://docs.anthropic.com/en/api/errors;
in a stream as an event `error`. OpenAI: the envelope as one more `data:` frame.
"""

from typing import Any, Protocol

from pydantic_core import to_json

from appliance.base.errors import ApplianceError

ANTHROPIC_PATHS = "/v1/messages"
ANTHROPIC_HEADER = "anthropic-version"
ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class Voice(Protocol):
    """Says an error as a whole answer, or as the last frame of a stream that has begun."""

    def whole(self, error: ApplianceError) -> bytes: ...

    def frame(self, error: ApplianceError) -> bytes: ...


class OpenAIVoice:
    def whole(self, error: ApplianceError) -> bytes:
        return to_json(error.envelope())

    def frame(self, error: ApplianceError) -> bytes:
        return b"data: " + self.whole(error) + b"\n\n"


class AnthropicVoice:
    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def whole(self, error: ApplianceError) -> bytes:
        return to_json(anthropic_envelope(error, request_id=self._request_id))

    def frame(self, error: ApplianceError) -> bytes:
        return b"event: error\ndata: " + self.whole(error) + b"\n\n"


OPENAI_VOICE = OpenAIVoice()


def voice_for(path: str, *, request_id: str) -> Voice:
    if path.startswith(ANTHROPIC_PATHS):
        return AnthropicVoice(request_id)
    return OPENAI_VOICE


def anthropic_envelope(error: ApplianceError, *, request_id: str) -> dict[str, Any]:
    """`code` and `param` are ours beside: Anthropic's clients pass over what they do not know."""
    said = error.envelope()["error"]
    kind = ANTHROPIC_TYPES.get(error.status, "api_error" if error.status >= 500 else "invalid_request_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": said["message"], "code": said["code"], "param": said["param"]},
        "request_id": request_id,
    }
