"""The secret of an API key: `sk-ts-<12 characters to show>-<43 characters to hide>`."""

import hashlib
import re
import secrets
import string
from dataclasses import dataclass, field

from appliance.base.ids import new_secret

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


def new_key_secret() -> KeySecret:
    display_id = "".join(secrets.choice(ALPHABET) for _ in range(DISPLAY_LENGTH))
    return KeySecret(text=f"{PREFIX}-{display_id}-{new_secret(32)}", display_id=display_id)


def parse_key_secret(text: str) -> KeySecret | None:
    """None when `text` is not of our form."""
    match = PATTERN.fullmatch(text)
    return KeySecret(text=text, display_id=match.group(1)) if match else None
