"""What stands between us and a registry: the guard of the hubs, and the password's file."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from appliance.base.errors import SetupError
from appliance.base.paths import Home
from appliance.base.settings import Settings
from appliance.weights.modelpack.operations import ImportRequest, RegistryAddress
from appliance.weights.urls import UrlGuard
from control_plane.modelpacks.domain import ModelPackPlace, RegistryPlace

OPEN_TO_OTHERS = 0o077


@contextmanager
def reached(place: RegistryPlace | None, settings: Settings) -> Generator[RegistryAddress | None]:
    """The registry's address for the library; within, every connection is checked. Only in a process of its own.

    Raises BadRequest for an address that leads into the company and was not allowed.
    """
    if place is None:
        yield None
        return
    guard = UrlGuard(settings.imports.hosts)
    guard.check_and_resolve(place.url)
    with guard.around_connections():
        yield RegistryAddress(
            reference=place.reference,
            plain_http=place.plain_http,
            ca_file=place.ca_file,
            user=place.user,
            password=password_of(place, settings.paths) if place.user else "",
            allowed_hosts=tuple(sorted(settings.imports.hosts)),
        )


def import_request(
    place: ModelPackPlace, settings: Settings, *, address: RegistryAddress | None, leave_code_out: bool = False
) -> ImportRequest:
    return ImportRequest(
        home=settings.paths.root,
        places=place.places,
        registry=address,
        tag=place.tag,
        unsigned=place.unsigned,
        leave_code_out=leave_code_out,
    )


def password_file(home: Home, host: str) -> Path:
    """One per registry, so that no request can have a password sent anywhere else."""
    return home.registry_passwords / host


def password_of(place: RegistryPlace, home: Home) -> str:
    """Raises SetupError where there is none, or where others may read it."""
    path = password_file(home, place.host)
    hint = f"`appliance weights registry-login {place.host}` keeps one."
    try:
        if path.stat().st_mode & OPEN_TO_OTHERS:
            raise SetupError(f"{path} can be read by others.", hint=f"chmod 600 {path}")
        return path.read_text().strip()
    except FileNotFoundError as error:
        raise SetupError(f"There is no password for {place.host} in {path}.", hint=hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"The password file {path} cannot be read.", hint=hint) from error
