"""`CurrentKey`: the API key in whose name a gateway asks, proven by the gateway's signature."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader

from appliance.base import clock
from appliance.base.contracts.forwarded import PRINCIPAL_HEADER, ForwardedPrincipal, verify
from appliance.base.errors import SetupError, Unavailable
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, read_secret

principal_scheme = APIKeyHeader(
    name=PRINCIPAL_HEADER,
    auto_error=False,
    scheme_name="gateway",
    description="A gateway's signed word for an API key.",
)


def current_key(request: Request, value: Annotated[str | None, Security(principal_scheme)]) -> ForwardedPrincipal:
    """Raises Unauthenticated for everybody but a gateway that just authenticated a key."""
    return verify(
        value,
        secret=forward_key(request.app.state.settings.paths),
        method=request.method,
        target=target_of(request),
        now=clock.unix_time(),
    )


def target_of(request: Request) -> str:
    """The path with its query as they came in."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope.get("query_string", b"")
    return (raw.split(b"?", 1)[0] + (b"?" + query if query else b"")).decode("latin-1")


def forward_key(home: Home) -> str:
    try:
        return read_secret(home, Secret.FORWARD_KEY)
    except SetupError as error:
        raise Unavailable("The gateway's key is not there yet.", retry_after_seconds=5) from error


CurrentKey = Annotated[ForwardedPrincipal, Depends(current_key)]
