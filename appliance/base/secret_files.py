"""Secrets are files in the home's `secrets/` (0600), generated when first needed, never defaulted, never logged."""

from enum import StrEnum

from appliance.base.errors import SetupError
from appliance.base.files import write_atomically
from appliance.base.ids import new_secret
from appliance.base.paths import Home


class Secret(StrEnum):
    """The file names under `secrets/`."""

    KEY_ENCRYPTION_KEY = "key_encryption_key"
    ADMIN_PASSWORD = "admin_password"
    ADMIN_TOKEN = "admin_token"
    NODE_TOKEN = "node_token"
    FORWARD_KEY = "forward_key"
    POSTGRES_PASSWORD = "postgres_password"
    REDIS_PASSWORD = "redis_password"
    RAY_TOKEN = "ray_token"
    SUPERVISOR_PASSWORD = "supervisor_password"
    FIRST_API_KEY = "first_api_key"
    APPLIANCE_KEY = "appliance_key"


def read_secret(home: Home, name: Secret) -> str:
    path = home.secrets / name.value
    try:
        return path.read_text().strip()
    except FileNotFoundError as error:
        raise SetupError(
            f"The secret {path} is missing.", hint="Run `appliance up`; it makes missing secrets."
        ) from error


def ensure_secret(home: Home, name: Secret) -> str:
    """Read the secret, or make it: 32 random bytes, URL-safe."""
    path = home.secrets / name.value
    if not path.exists():
        write_secret(home, name, new_secret())
    return read_secret(home, name)


def write_secret(home: Home, name: Secret, value: str) -> None:
    write_atomically(home.secrets / name.value, f"{value}\n".encode(), mode=0o600)
