"""A lean client of streamed chat completions: one connection, one request, and as little work per token as possible.

The same for both sides of a comparison, so that what it costs itself falls out of the ratio.
"""

import asyncio
import json
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from appliance.base.clock import monotonic

PATH = "/v1/chat/completions"
LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class Target:
    """`address` is `unix:/path` or `http://host:port`."""

    address: str
    key: str | None = None


@dataclass(frozen=True)
class Reply:
    tokens: int
    first_token_seconds: float


async def ask(target: Target, *, model: str, tokens: int) -> Reply:
    """Ask for exactly `tokens` tokens; raises RuntimeError where the answer is not a whole stream with usage."""
    request = render(target, model=model, tokens=tokens)
    async with asyncio.timeout(LIMIT_SECONDS):
        reader, writer = await open_connection(target.address)
        try:
            began = monotonic()
            writer.write(request)
            return await read_reply(reader, began=began)
        finally:
            writer.close()


async def open_connection(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("unix:"):
        return await asyncio.open_unix_connection(address.removeprefix("unix:"))
    where = urlsplit(address)
    return await asyncio.open_connection(where.hostname, where.port)


def render(target: Target, *, model: str, tokens: int) -> bytes:
    """A prompt that was never asked before, so that no side profits from the other's prefix cache."""
    body = json.dumps(
        {
            "model": model,
            "messages": [{"role": "user", "content": f"{secrets.token_hex(8)}: tell me about ships"}],
            "max_tokens": tokens,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ).encode()
    lines = [f"POST {PATH} HTTP/1.1", "host: bench", "content-type: application/json", "connection: close"]
    lines += [f"authorization: Bearer {target.key}"] if target.key else []
    lines += [f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def read_reply(reader: asyncio.StreamReader, *, began: float) -> Reply:
    """The first token is the second frame: the first one carries only the role."""
    frames, tail, first = 0, b"", 0.0
    while piece := await reader.read(65536):
        frames += piece.count(b"\ndata: ")
        if not first and frames >= 2:
            first = monotonic() - began
        tail = (tail + piece)[-4096:]
        if b"data: [DONE]" in tail:
            return Reply(tokens=completion_tokens(tail), first_token_seconds=first)
    raise RuntimeError(f"The stream ended too early: {tail[-500:]!r}")


def completion_tokens(tail: bytes) -> int:
    _, found, usage = tail.rpartition(b'"completion_tokens":')
    if not found:
        raise RuntimeError("The stream carried no usage.")
    digits = usage.lstrip().split(b"}")[0].split(b",")[0]
    return int(digits)
