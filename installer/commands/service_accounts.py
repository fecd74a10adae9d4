"""`service-accounts`: callers that are no person, with keys of their own."""

from typing import Annotated

import typer
from rich.markup import escape

from installer.commands.keys import date
from installer.commands.options import Json
from installer.organization import find_project, find_service_account
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

app = typer.Typer(
    help="List, add and remove service accounts.\n\nExample: `appliance service-accounts list Default`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

ProjectName = Annotated[str, typer.Argument(help="The project it belongs to: its name or its id, proj-...")]


def path_of(project_id: str) -> str:
    return f"/v1/organization/projects/{project_id}/service_accounts"


@app.command("list")
@speaks_plainly
def list_service_accounts(project: ProjectName, as_json: Json = False) -> None:
    """List the service accounts of a project.

    Example: `appliance service-accounts list "search team"`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        accounts = api.every(path_of(find_project(api, project)), limit=100)
    if as_json:
        print_json({"service_accounts": accounts})
        return
    rows = [
        [account["id"], escape(account["name"]), account["x_role"], date(account["created_at"])] for account in accounts
    ]
    out.print(table("", ["Id", "Name", "Role", "Since"], rows))


@app.command()
@speaks_plainly
def add(
    project: ProjectName, name: Annotated[str, typer.Argument(help="What it is for.")], as_json: Json = False
) -> None:
    """Make a service account and show its first key, this once.

    Example: `appliance service-accounts add "search team" "nightly index"`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        account = api.post(path_of(find_project(api, project)), {"name": name})
    if as_json:
        print_json(account)
        return
    print_exactly(f"{account['id']}  {account['name']}\n{account['api_key']['value']}")
    out.print("[dim]The secret is shown this once; keep it now.[/]")


@app.command()
@speaks_plainly
def remove(
    project: ProjectName,
    name: Annotated[str, typer.Argument(help="Its name or its id, svc-...")],
    as_json: Json = False,
) -> None:
    """Remove a service account; its keys stop within two seconds.

    Example: `appliance service-accounts remove "search team" "nightly index"`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        project_id = find_project(api, project)
        removed = api.delete(f"{path_of(project_id)}/{find_service_account(api, project_id, name)}")
    if as_json:
        print_json(removed)
        return
    print_exactly(f"{name} ({removed['id']}) is removed.")
