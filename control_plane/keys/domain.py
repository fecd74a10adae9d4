"""The secret of an API key: `sk-ts-<12 characters to show>-<43 characters to hide>`; its scopes and its networks."""

import hashlib
import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from appliance.base.contracts.snapshot import DATA_SCOPES
from appliance.base.errors import BadRequest
from appliance.base.ids import new_secret

ADMIN_READ, ADMIN_WRITE = "admin_read", "admin_write"
SCOPES = (*DATA_SCOPES, ADMIN_READ, ADMIN_WRITE)
"""The last two open the admin API, as far as the role of the key's owner in the key's project goes."""
MOST_NETWORKS = 100
MOST_OVERLAP_SECONDS = 90 * 86400

PREFIX = "sk-ts"
DISPLAY_LENGTH = 12
PATTERN = re.compile(rf"{PREFIX}-([0-9a-z]{{{DISPLAY_LENGTH}}})-[0-9A-Za-z_-]{{43}}")
ALPHABET = string.digits + string.ascii_lowercase


@dataclass(frozen=True)
class KeySecret:
    """The whole secret and what is kept of it."""

    text: str = field(repr=False)
    display_id: str

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal: the secret part has 256 random bits, so a slow hash would gain nothing."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def new_key_secret(display_id: str | None = None) -> KeySecret:
    """With `display_id` another secret of the same key."""
    if display_id is None:
        display_id = "".join(secrets.choice(ALPHABET) for _ in range(DISPLAY_LENGTH))
    return KeySecret(text=f"{PREFIX}-{display_id}-{new_secret(32)}", display_id=display_id)


def parse_key_secret(text: str) -> KeySecret | None:
    """None when `text` is not of our form."""
    match = PATTERN.fullmatch(text)
    return KeySecret(text=text, display_id=match.group(1)) if match else None


def checked_scopes(scopes: Sequence[str] | None) -> list[str] | None:
    """Each once; None (or none of them, as OpenAI's API means it) is all of the data path. Raises BadRequest."""
    unknown = [scope for scope in scopes or () if scope not in SCOPES]
    if unknown:
        raise BadRequest(
            f"There is no scope {unknown[0][:40]!r}.", hint=f"Scopes are {', '.join(SCOPES)}.", param="scopes"
        )
    return sorted(set(scopes)) if scopes else None


def checked_networks(networks: Sequence[str] | None) -> list[str] | None:
    """In canonical spelling; an address alone is a network of one. Raises BadRequest."""
    if not networks:
        return None
    try:
        return sorted({str(ip_network(network.strip())) for network in networks[:MOST_NETWORKS]})
    except ValueError as error:
        raise BadRequest(
            f"That is no network: {error}.", hint="Write 10.0.0.0/8 or 2001:db8::/32.", param="allowed_networks"
        ) from error
