"""`keys`: API keys for clients of the data path."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

app = typer.Typer(
    help="Create, list and revoke API keys.\n\nExample: `appliance keys list`",
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
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="Days until it expires; never when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key and show its secret, this once.

    Example: `appliance keys create "nightly report" --model sails-guide --days 90`
    """
    from appliance.base import clock
    from installer.admin_client import AdminClient

    body: dict[str, object] = {"name": name}
    if model:
        body["allowed_models"] = model
    if days is not None:
        body["expires_at"] = int((clock.now() + timedelta(days=days)).timestamp())
    with AdminClient(settings().paths) as api:
        key = api.post("/keys", body)
    if as_json:
        print_json(key)
        return
    print_exactly(f"{key['id']}  {key['name']}\n{key['secret']}")
    out.print("[dim]The secret is shown this once; keep it now.[/]")


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
            *(date(key[name]) for name in ("expires_at", "revoked_at")),
        ]
        for key in keys
    ]
    out.print(table("", ["Id", "Name", "Key", "Models", "Expires", "Revoked"], rows))


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


def date(unix_seconds: int | None) -> str:
    """In the terminal's own time zone, to the minute."""
    if unix_seconds is None:
        return ""
    return datetime.fromtimestamp(unix_seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
