"""Server-sent events on their way from an engine to a client: passed as bytes, looked into only where it matters.

Only whole frames are passed on, so that an error frame can follow at any time. A frame is parsed when it holds
`"usage"` or `"error"`: inside generated text the quotes are escaped, so the test cannot be fooled by what a model
says.
"""

from dataclasses import dataclass
from typing import Any

from appliance.gateway.faults import EngineBroken
from appliance.gateway.json_objects import as_object, parse_object

END = b"\n\n"
PREFIX = b"data:"
DONE = b"data: [DONE]\n\n"
MAX_FRAME_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class TokenUsage:
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


class FrameScanner:
    """Feed it bytes; it gives the bytes to pass on, and remembers usage, the number of frames, and how the stream
    ended.
    """

    def __init__(self, *, keep_usage: bool) -> None:
        self.usage: TokenUsage | None = None
        self.error: dict[str, Any] | None = None
        self.frames = 0
        self.done = False
        self._keep_usage = keep_usage
        self._rest = b""

    @property
    def broken(self) -> bool:
        """Whether the stream, if it ended now, would have ended too early."""
        return not self.done or bool(self._rest)

    def feed(self, piece: bytes) -> bytes:
        """The part of `piece` and of what was kept back that may go to the client; raises EngineBroken on garbage."""
        if not self._rest and piece.endswith(END) and b'"usage"' not in piece and b'"error"' not in piece:
            self.frames += piece.count(END)
            self.done = self.done or piece.endswith(DONE)
            return piece
        whole, separator, rest = (self._rest + piece).rpartition(END)
        if len(rest) > MAX_FRAME_BYTES:
            raise EngineBroken("the engine sent a frame without an end")
        self._rest = rest
        if not separator:
            return b""
        return b"".join([frame + END for frame in whole.split(END) if self._passes(frame)])

    def _passes(self, frame: bytes) -> bool:
        if self.error is not None:
            return False
        self.done = self.done or frame + END == DONE
        self.frames += 1
        if b'"usage"' in frame or b'"error"' in frame:
            return self._inspect(frame)
        return True

    def _inspect(self, frame: bytes) -> bool:
        chunk = parse_frame(frame)
        if "error" in chunk and not chunk.get("choices"):
            self.error = chunk
            self.frames -= 1
            return False
        usage = parse_usage(chunk.get("usage"))
        self.usage = usage or self.usage
        is_usage_frame = usage is not None and chunk.get("choices") == []
        self.frames -= is_usage_frame
        return self._keep_usage or not is_usage_frame


def parse_frame(frame: bytes) -> dict[str, Any]:
    """The JSON object of a frame with one `data:` line; raises EngineBroken."""
    try:
        return parse_object(frame.strip().removeprefix(PREFIX))
    except ValueError as error:
        raise EngineBroken("the engine sent a frame that is not JSON") from error


def parse_usage(usage: object) -> TokenUsage | None:
    """OpenAI's `usage` object as figures, or None where it is missing or is not one.

    A ranking's usage may say the total only (Jina's shape): all of it is prompt.
    """
    figures = as_object(usage)
    if figures is None:
        return None
    details = as_object(figures.get("prompt_tokens_details")) or {}
    prompt = figures.get("prompt_tokens")
    return TokenUsage(
        prompt_tokens=_count(figures.get("total_tokens") if prompt is None else prompt),
        completion_tokens=_count(figures.get("completion_tokens")),
        cached_tokens=_count(details.get("cached_tokens")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
