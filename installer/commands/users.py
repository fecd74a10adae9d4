"""`users`: who may log in, and with which role."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from installer.commands.options import Json
from installer.organization import find_user
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

if TYPE_CHECKING:
    from installer.admin_client import JsonObject

app = typer.Typer(
    help="List, add, change and disable users.\n\nExample: `appliance users list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

UserName = Annotated[str, typer.Argument(help="The name, the e-mail address or the id, user-...")]


class Role(StrEnum):
    """As `control_plane.access.domain.Role` has them; the command line does not import the control plane."""

    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    VIEWER = "viewer"
    AUDITOR = "auditor"


@app.command("list")
@speaks_plainly
def list_users(as_json: Json = False) -> None:
    """List users with their roles.

    Example: `appliance users list --json`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        users = api.every("/v1/organization/users", limit=100)
    if as_json:
        print_json({"users": users})
        return
    rows = [
        [user["id"], escape(user["name"]), user["email"], user["x_role"], "disabled" if user["x_disabled"] else ""]
        for user in users
    ]
    out.print(table("", ["Id", "Name", "E-mail", "Role", ""], rows))


@app.command()
@speaks_plainly
def add(
    name: Annotated[str, typer.Argument(help="What the user logs in with.")],
    role: Annotated[Role, typer.Option("--role", help="What the user may do.")] = Role.VIEWER,
    email: Annotated[str | None, typer.Option("--email", help="E-mail address; also good to log in with.")] = None,
    as_json: Json = False,
) -> None:
    """Add a user and show a one-time password, which the user has to change at the first login.

    Example: `appliance users add anna --role developer --email anna@example.com`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        made = api.post("/users", {"name": name, "email": email, "role": role.value})
    show_password(made, as_json=as_json)


@app.command()
@speaks_plainly
def role(name: UserName, role: Annotated[Role, typer.Argument(help="The new role.")], as_json: Json = False) -> None:
    """Give a user another role.

    Example: `appliance users role anna operator`
    """
    show(change(name, {"role": role.value}), as_json=as_json)


@app.command()
@speaks_plainly
def disable(name: UserName, as_json: Json = False) -> None:
    """Log a user out everywhere and stop the user's keys; nothing is deleted.

    Example: `appliance users disable anna`
    """
    show(change(name, {"disabled": True}), as_json=as_json)


@app.command()
@speaks_plainly
def enable(name: UserName, as_json: Json = False) -> None:
    """Let a disabled user in again; the keys work again too.

    Example: `appliance users enable anna`
    """
    show(change(name, {"disabled": False}), as_json=as_json)


@app.command()
@speaks_plainly
def password(name: UserName, as_json: Json = False) -> None:
    """Show a new one-time password; lifts a lock for wrong passwords and ends the user's sessions.

    Example: `appliance users password anna`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        made = api.post(f"/users/{find_user(api, name)}/password", {})
    show_password(made, as_json=as_json)


def change(name: str, fields: "JsonObject") -> "JsonObject":
    """The user after it."""
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        return api.patch(f"/users/{find_user(api, name)}", fields)


def show(user: "JsonObject", *, as_json: bool) -> None:
    if as_json:
        print_json(user)
        return
    state = ", disabled" if user["x_disabled"] else ""
    print_exactly(f"{user['name']} ({user['id']}) is {user['x_role']}{state}.")


def show_password(made: "JsonObject", *, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    print_exactly(f"{made['user']['id']}  {made['user']['name']}  {made['user']['x_role']}\n{made['password']}")
    out.print("[dim]The password is shown this once, and is changed at the next login.[/]")
