"""`projects`: what keys, models and usage belong to, and who works in which."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from installer.commands.keys import date
from installer.commands.options import Json
from installer.organization import find_project, find_user
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

app = typer.Typer(
    help="List, add and archive projects, and say who is a member.\n\nExample: `appliance projects list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

PATH = "/v1/organization/projects"
ProjectName = Annotated[str, typer.Argument(help="The name or the id, proj-...")]


class ProjectRole(StrEnum):
    """As `control_plane.access.domain.ProjectRole` has them."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    VIEWER = "viewer"


@app.command("list")
@speaks_plainly
def list_projects(
    archived: Annotated[bool, typer.Option("--archived", help="Show archived ones too.")] = False, as_json: Json = False
) -> None:
    """List projects.

    Example: `appliance projects list --archived`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        projects = api.every(PATH, limit=100, include_archived=str(archived).lower())
    if as_json:
        print_json({"projects": projects})
        return
    rows = [
        [project["id"], escape(project["name"]), project["status"], date(project["created_at"])] for project in projects
    ]
    out.print(table("", ["Id", "Name", "Status", "Since"], rows))


@app.command()
@speaks_plainly
def add(name: Annotated[str, typer.Argument(help="What it is called.")], as_json: Json = False) -> None:
    """Make a project.

    Example: `appliance projects add "search team"`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        project = api.post(PATH, {"name": name})
    if as_json:
        print_json(project)
        return
    print_exactly(f"{project['id']}  {project['name']}")


@app.command()
@speaks_plainly
def archive(project: ProjectName, as_json: Json = False) -> None:
    """Stop every key of a project for good; its records stay.

    Example: `appliance projects archive "search team"`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        archived = api.post(f"{PATH}/{find_project(api, project)}/archive", {})
    if as_json:
        print_json(archived)
        return
    print_exactly(f"{archived['name']} ({archived['id']}) is archived; its keys stop within two seconds.")


@app.command()
@speaks_plainly
def members(
    project: ProjectName,
    add: Annotated[str | None, typer.Option("--add", help="Make this user a member, or give a member --role.")] = None,
    role: Annotated[ProjectRole, typer.Option("--role", help="With --add: what the member may do there.")] = (
        ProjectRole.DEVELOPER
    ),
    remove: Annotated[str | None, typer.Option("--remove", help="Take this user out; the user's keys stop.")] = None,
    as_json: Json = False,
) -> None:
    """List the members of a project; with --add or --remove change them first.

    Example: `appliance projects members "search team" --add anna --role admin`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        users = f"{PATH}/{find_project(api, project)}/users"
        if add is not None:
            user_id = find_user(api, add)
            there = user_id in [member["id"] for member in api.every(users, limit=100)]
            path = f"{users}/{user_id}" if there else users
            api.post(path, {"role": role.value} if there else {"role": role.value, "user_id": user_id})
        if remove is not None:
            api.delete(f"{users}/{find_user(api, remove)}")
        found = api.every(users, limit=100)
    if as_json:
        print_json({"members": found})
        return
    rows = [[member["id"], escape(member["name"]), member["x_role"], date(member["added_at"])] for member in found]
    out.print(table("", ["Id", "Name", "Role", "Since"], rows))
