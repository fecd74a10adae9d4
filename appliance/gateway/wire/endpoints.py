"""The paths that reach an engine, one row each: for which models, how the request is read, what the engine is asked."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.base.contracts.snapshot import Task
from appliance.gateway.wire.anthropic_request import read_count, read_messages
from appliance.gateway.wire.chat_requests import read_chat, read_completion, read_embedding, read_rerank, read_score
from appliance.gateway.wire.fields import Fields
from appliance.gateway.wire.media import MediaPolicy
from appliance.gateway.wire.parsed import ParsedRequest
from appliance.gateway.wire.responses_request import read_input_tokens, read_response
from appliance.gateway.wire.tokens import read_detokenize, read_tokenize

Read = Callable[[Fields, bytes, MediaPolicy], ParsedRequest]

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
CHAT_ONLY: frozenset[Task] = frozenset({"chat"})
EMBEDDING_ONLY: frozenset[Task] = frozenset({"embedding"})
RANKING: frozenset[Task] = frozenset({"rerank", "embedding"})


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """`content_field` is what the client calls the prompt, for the engine's refusals. `is_free`: nothing is generated
    or embedded, so the request is metered with no tokens.
    """

    engine_path: str
    tasks: frozenset[Task]
    content_field: str
    read: Read
    is_free: bool = False


ENDPOINTS = {
    CHAT: Endpoint(engine_path=CHAT, tasks=CHAT_ONLY, content_field="messages", read=read_chat),
    COMPLETIONS: Endpoint(engine_path=COMPLETIONS, tasks=CHAT_ONLY, content_field="prompt", read=read_completion),
    EMBEDDINGS: Endpoint(engine_path=EMBEDDINGS, tasks=EMBEDDING_ONLY, content_field="input", read=read_embedding),
    "/v1/responses": Endpoint(engine_path=CHAT, tasks=CHAT_ONLY, content_field="input", read=read_response),
    "/v1/messages": Endpoint(engine_path=CHAT, tasks=CHAT_ONLY, content_field="messages", read=read_messages),
    "/v1/rerank": Endpoint(engine_path="/v1/rerank", tasks=RANKING, content_field="documents", read=read_rerank),
    "/v2/rerank": Endpoint(engine_path="/v1/rerank", tasks=RANKING, content_field="documents", read=read_rerank),
    "/v1/score": Endpoint(engine_path="/v1/score", tasks=RANKING, content_field="text_2", read=read_score),
    "/v1/tokenize": Endpoint(
        engine_path="/tokenize",
        tasks=CHAT_ONLY | EMBEDDING_ONLY,
        content_field="prompt",
        read=read_tokenize,
        is_free=True,
    ),
    "/v1/detokenize": Endpoint(
        engine_path="/detokenize",
        tasks=CHAT_ONLY | EMBEDDING_ONLY,
        content_field="tokens",
        read=read_detokenize,
        is_free=True,
    ),
    "/v1/messages/count_tokens": Endpoint(
        engine_path="/tokenize", tasks=CHAT_ONLY, content_field="messages", read=read_count, is_free=True
    ),
    "/v1/responses/input_tokens": Endpoint(
        engine_path="/tokenize", tasks=CHAT_ONLY, content_field="input", read=read_input_tokens, is_free=True
    ),
}


def engine_field(path: str) -> str:
    """What holds the prompt in the body that the engine is sent."""
    endpoint = ENDPOINTS[path]
    return ENDPOINTS.get(endpoint.engine_path, endpoint).content_field
