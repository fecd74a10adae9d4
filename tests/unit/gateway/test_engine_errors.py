"""Engine refusals as vLLM 0.32 words them (recorded from a running server), said in our words."""

import json

import pytest

from appliance.base.errors import ApplianceError, BadRequest, ContextTooLong, RateLimited, TooLarge, Unavailable
from appliance.gateway.engine_errors import from_engine, from_frame
from appliance.gateway.faults import EngineFailed

TOO_LONG = (
    "This model's maximum context length is 1024 tokens. However, your prompt contains 24020 characters (more than "
    "18432 characters, which is the upper bound for 1024 input tokens). Please reduce the length of the input prompt."
    " (parameter=input_text, value=24020)"
)
VALIDATION = (
    "2 validation errors:\n  {'type': 'string_type', 'loc': 'body.messages.0.ChatCompletionDeveloperMessageParam"
    ".content', 'msg': 'Input should be a valid string', 'input': '5'}\n  {'type': 'literal_error', 'loc': "
    "'body.messages.0.X.role', 'msg': \"Input should be 'developer'\", 'input': 'user'}"
)
TEMPERATURE = "temperature must be non-negative, got -3.0. (parameter=temperature, value=-3.0)"


def refusal(message: str, param: str | None = None, code: int = 400) -> bytes:
    return json.dumps({"error": {"message": message, "type": "BadRequestError", "param": param, "code": code}}).encode()


@pytest.mark.parametrize(
    ("body", "kind", "param", "says"),
    [
        (refusal(TOO_LONG, "input_text"), ContextTooLong, "messages", "Please reduce the length of the input prompt."),
        (refusal(TEMPERATURE, "temperature"), BadRequest, "temperature", "temperature must be non-negative, got -3.0."),
        (refusal(VALIDATION, None), BadRequest, "messages.0", "'messages.0': Input should be a valid string."),
        (
            refusal("max_tokens=9 cannot be greater than max_model_len=5.", "max_tokens"),
            BadRequest,
            "max_tokens",
            "max_t",
        ),
        (b'{"detail": "odd"}', BadRequest, None, "odd"),
        (b"<html>", BadRequest, None, "The engine refused this request."),
        (b"[]", BadRequest, None, "The engine refused this request."),
        (refusal("x" * 5000), BadRequest, None, "x" * 1000),
    ],
)
def test_a_400_keeps_its_reason(body: bytes, kind: type[ApplianceError], param: str | None, says: str) -> None:
    error = from_engine(400, body=body, content_field="messages")
    assert type(error) is kind
    assert error.param == param
    assert says in error.message
    assert len(error.message) <= 1000


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, Unavailable),
        (503, Unavailable),
        (429, RateLimited),
        (413, TooLarge),
        (500, EngineFailed),
        (502, EngineFailed),
    ],
)
def test_a_status_has_its_error(status: int, kind: type[ApplianceError]) -> None:
    error = from_engine(status, body=refusal("EngineCore at /opt/x.py", code=status), content_field="messages")
    assert isinstance(error, kind)
    if status >= 500:
        assert "/opt" not in error.message


def test_an_error_frame_is_the_engines_fault_or_the_clients() -> None:
    ours = from_frame(json.loads(refusal("boom", code=500)), content_field="messages")
    theirs = from_frame(json.loads(refusal(TEMPERATURE, "temperature")), content_field="messages")
    assert isinstance(ours, EngineFailed)
    assert "boom" not in ours.message
    assert (theirs.status, theirs.param) == (400, "temperature")
