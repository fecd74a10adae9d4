"""`keys`: API keys for clients of the data path."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

if TYPE_CHECKING:
    from appliance.base.paths import Home
    from installer.admin_client import JsonObject

app = typer.Typer(
    help="Create, list, rotate and revoke API keys.\n\nExample: `appliance keys list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command()
@speaks_plainly
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A model that it may use; repeat for more; all when left out.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="What it is for: inference, files, batches, fine_tuning, admin_read, admin_write; repeat for more; "
            "all of the data path when left out.",
        ),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option("--network", help="Works only from there, as 10.0.0.0/8; repeat for more."),
    ] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, help="Days until it expires.")] = None,
    expires: Annotated[
        datetime | None, typer.Option("--expires", help="When it expires, in UTC; never when left out.")
    ] = None,
    project: Annotated[str | None, typer.Option("--project", help="Name or id; the default one when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key and show its secret, this once.

    Example: `appliance keys create "nightly report" --model sails-guide --network 10.0.0.0/8 --days 90`
    """
    from installer.admin_client import AdminClient
    from installer.organization import find_project

    ends = expiry(days, expires)
    given = {
        "allowed_models": model,
        "scopes": scope,
        "allowed_networks": network,
        "expires_at": int(ends.timestamp()) if ends else None,
    }
    body: dict[str, object] = {"name": name, **{field: value for field, value in given.items() if value}}
    with AdminClient(settings().paths) as api:
        if project is not None:
            body["project_id"] = find_project(api, project)
        key = api.post("/keys", body)
    show_secret(key, as_json=as_json)


@app.command()
@speaks_plainly
def rotate(
    key_id: Annotated[str, typer.Argument(help="The id, key-...; `appliance keys list` shows it.")],
    overlap_hours: Annotated[
        float, typer.Option("--overlap-hours", min=0, help="How long the old secret goes on working.")
    ] = 24,
    as_json: Json = False,
) -> None:
    """Give a key a new secret and show it, this once; id, limits and usage stay.

    Example: `appliance keys rotate key-0199f0c2b7a47c1d8f3e5a6b7c8d9e0f --overlap-hours 1`
    """
    from installer.admin_client import AdminClient

    home = settings().paths
    with AdminClient(home) as api:
        key = api.post(f"/keys/{key_id}/rotate", {"overlap_seconds": int(overlap_hours * 3600)})
    keep_first_key(home, key)
    show_secret(key, as_json=as_json)


@app.command("list")
@speaks_plainly
def list_keys(
    revoked: Annotated[bool, typer.Option("--revoked", help="Show revoked keys too.")] = False, as_json: Json = False
) -> None:
    """List keys, without their secrets.

    Example: `appliance keys list --revoked`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        keys = api.every("/keys", limit=100, include_revoked=str(revoked).lower())
    if as_json:
        print_json({"keys": keys})
        return
    rows = [
        [
            *(key[name] for name in ("id", "name", "redacted")),
            ", ".join(key["allowed_models"] or ["all"]),
            *(date(key[name]) for name in ("last_used_at", "expires_at", "revoked_at")),
        ]
        for key in keys
    ]
    out.print(table("", ["Id", "Name", "Key", "Models", "Last used", "Expires", "Revoked"], rows))


@app.command()
@speaks_plainly
def revoke(key_id: Annotated[str, typer.Argument(help="The id, key-...; `appliance keys list` shows it.")]) -> None:
    """Revoke a key; gateways refuse it within two seconds.

    Example: `appliance keys revoke key-0199f0c2b7a47c1d8f3e5a6b7c8d9e0f`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        key = api.delete(f"/keys/{key_id}")
    print_exactly(f"{key['name']} ({key['id']}) is revoked.")


def expiry(days: int | None, expires: datetime | None) -> datetime | None:
    from appliance.base import clock

    if expires is not None:
        return expires.replace(tzinfo=UTC)
    return clock.now() + timedelta(days=days) if days is not None else None


def show_secret(key: "JsonObject", *, as_json: bool) -> None:
    if as_json:
        print_json(key)
        return
    print_exactly(f"{key['id']}  {key['name']}\n{key['secret']}")
    out.print("[dim]The secret is shown this once; keep it now.[/]")


def keep_first_key(home: "Home", key: "JsonObject") -> None:
    """The box's own key lies in its home, where `appliance chat` reads it: the new secret goes there too."""
    from appliance.base.secret_files import Secret, read_secret, write_secret

    shown = str(key["redacted"]).removesuffix("...")
    path = home.secrets / Secret.FIRST_API_KEY
    if path.exists() and read_secret(home, Secret.FIRST_API_KEY).startswith(shown):
        write_secret(home, Secret.FIRST_API_KEY, str(key["secret"]))


def date(unix_seconds: int | None) -> str:
    """In the terminal's own time zone, to the minute."""
    if unix_seconds is None:
        return ""
    return datetime.fromtimestamp(unix_seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
