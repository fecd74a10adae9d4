"""Users, projects and service accounts as a person names them, found over the admin API."""

from typing import TYPE_CHECKING

from appliance.base.errors import SetupError

if TYPE_CHECKING:
    from installer.admin_client import AdminClient, JsonObject


def find_user(api: "AdminClient", name: str) -> str:
    """The id of the user with this name, e-mail address or id; raises SetupError."""
    users = api.every("/v1/organization/users", limit=100)
    return chosen(users, name.lower(), by=("id", "name", "email"), what="user", see="appliance users list")


def find_project(api: "AdminClient", name: str) -> str:
    projects = api.every("/v1/organization/projects", limit=100)
    return chosen(projects, name, by=("id", "name"), what="project", see="appliance projects list")


def find_service_account(api: "AdminClient", project_id: str, name: str) -> str:
    accounts = api.every(f"/v1/organization/projects/{project_id}/service_accounts", limit=100)
    see = "appliance service-accounts list"
    return chosen(accounts, name, by=("id", "name"), what="service account", see=see)


def chosen(items: "list[JsonObject]", name: str, *, by: tuple[str, ...], what: str, see: str) -> str:
    """The id of the one that has `name` in one of its fields; raises SetupError where that is none, or several."""
    found: list[str] = [item["id"] for item in items if name in [item.get(field) for field in by]]
    if len(found) == 1:
        return found[0]
    if found:
        raise SetupError(f"{len(found)} are called {name}: {', '.join(found)}.", hint="Say which by its id.")
    raise SetupError(f"There is no {what} {name!r}.", hint=f"`{see}` shows all of them.")
