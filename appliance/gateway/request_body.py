"""What a client sent, read by the endpoint of its path: a `ParsedRequest`, or a refusal that names the field."""

from appliance.gateway.wire.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, ENDPOINTS
from appliance.gateway.wire.fields import parse_fields
from appliance.gateway.wire.media import DATA_ONLY, MediaPolicy
from appliance.gateway.wire.parsed import BYTES_PER_TOKEN, ParsedRequest

__all__ = ["BYTES_PER_TOKEN", "CHAT", "COMPLETIONS", "EMBEDDINGS", "ParsedRequest", "parse_request"]


def parse_request(path: str, *, body: bytes, media: MediaPolicy = DATA_ONLY) -> ParsedRequest:
    """Raises BadRequest with the name of the wrong field in `param`."""
    return ENDPOINTS[path].read(parse_fields(body), body, media)
