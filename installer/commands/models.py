"""`models`: the catalogue, and what of it is served."""

from typing import Any

from installer.commands.options import Json
from installer.terminal import out, print_json, settings, table


def models(as_json: Json = False) -> None:
    """List the catalogue and say which models are served.

    Example: `appliance models`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        catalogue = api.every("/catalogue")
        served = api.every("/served-models")
    if as_json:
        print_json({"catalogue": catalogue, "served_models": served})
        return
    state = {row["name"]: row["observed_state"] for row in served}
    rows = [
        [row["id"], row["task"], row["family"], licence(row["entry"]), state.get(row["id"], "")] for row in catalogue
    ]
    out.print(table("Catalogue", ["Name", "Task", "Family", "Licence", "Served"], rows))
    others = [[row["name"], row["task"], row["observed_state"]] for row in served]
    out.print(table("\nServed", ["Public name", "Task", "State"], others))


def licence(entry: dict[str, Any]) -> str:
    return str(entry["licence"]["id"])
