"""The port by which an endpoint with another wire form is spoken to: who implements it is in `appliance.gateway.wire`.

One translator per request: it may keep what it saw of a stream.
"""

from collections.abc import Callable
from typing import Protocol

from appliance.base.contracts.routes import EndpointKind


class Translator(Protocol):
    def request(self, path: str, *, body: bytes) -> tuple[str, bytes]:
        """From OpenAI's path and body to the endpoint's, below its base URL; raises BadRequest for what cannot be."""
        ...

    def feed(self, piece: bytes) -> bytes:
        """Bytes of the endpoint's stream become bytes of OpenAI's, with usage frame and `[DONE]`."""
        ...

    def whole(self, status: int, *, body: bytes) -> bytes:
        """The endpoint's whole answer, or its error, becomes OpenAI's."""
        ...


TRANSLATORS: dict[EndpointKind, Callable[[], Translator]] = {}
"""By kind of endpoint; `openai` needs none. Filled by whoever puts the gateway together."""
