"""Who asks, as the gateway tells the control plane when it passes a client's request on: a signed principal.

The gateway authenticates the API key; the control plane takes its word for it. Header `x-ts-principal`, seven fields
separated by blanks: version, time in Unix seconds, request id, key id, project id, user id or `-`, and the HMAC-SHA256
over method, path with query and the fields before it, with the secret `forward_key` of the home. It holds for
`VALID_SECONDS`. The body is not signed: both ends are processes of this appliance, on a socket or a network of its own,
and a body may be a stream. What a client sends under a name that begins with `x-ts-` reaches nobody.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

from appliance.base.errors import Unauthenticated

PRINCIPAL_HEADER = "x-ts-principal"
PRINCIPAL_VERSION = "1"
VALID_SECONDS = 30.0
NOBODY = "-"
WORD = re.compile(r"[A-Za-z0-9_.:-]{1,200}")

FORWARDED = ("/v1/responses/",)
"""Paths of clients that the control plane serves behind the gateway."""


@dataclass(frozen=True, kw_only=True)
class ForwardedPrincipal:
    """Ids as they are on the wire (`key-...`, `proj-...`)."""

    request_id: str
    key_id: str
    project_id: str
    user_id: str | None = None


def sign(principal: ForwardedPrincipal, *, secret: str, method: str, target: str, now: float) -> str:
    """The header's value; `target` is the path with its query, as it is sent. Raises ValueError for an odd id."""
    fields = [
        PRINCIPAL_VERSION,
        str(int(now)),
        principal.request_id,
        principal.key_id,
        principal.project_id,
        principal.user_id or NOBODY,
    ]
    if not all(WORD.fullmatch(field) for field in fields):
        raise ValueError("an id of the principal cannot be written into a header")
    return " ".join([*fields, mac(secret, method, target, fields)])


def verify(value: str | None, *, secret: str, method: str, target: str, now: float) -> ForwardedPrincipal:
    """Raises Unauthenticated where the header is missing, forged, or older than it may be."""
    fields = (value or "").split(" ")
    if len(fields) != 7 or fields[0] != PRINCIPAL_VERSION:
        raise refused()
    *said, signature = fields
    if not hmac.compare_digest(signature, mac(secret, method, target, said)):
        raise refused()
    if not said[1].isdigit() or abs(now - int(said[1])) > VALID_SECONDS:
        raise refused()
    _, _, request_id, key_id, project_id, user_id = said
    return ForwardedPrincipal(
        request_id=request_id, key_id=key_id, project_id=project_id, user_id=None if user_id == NOBODY else user_id
    )


def mac(secret: str, method: str, target: str, fields: list[str]) -> str:
    signed = "\n".join([method.upper(), target, *fields]).encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def refused() -> Unauthenticated:
    return Unauthenticated("This address is for clients with an API key.", hint="Ask the appliance's public address.")
