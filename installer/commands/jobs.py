"""`jobs`: what the appliance does for longer than a request lasts. A client of the admin API."""

from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape

from installer.commands.options import Json
from installer.job_watch import progress_line
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

if TYPE_CHECKING:
    from installer.admin_client import JsonObject

app = typer.Typer(
    help="See and cancel imports, exports and other long work.\n\nExample: `appliance jobs list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

COLOURS = {"succeeded": "green", "failed": "red", "cancelled": "yellow"}

JobId = Annotated[str, typer.Argument(help="Its id, job-...; `appliance jobs list` shows it.")]


@app.command("list")
@speaks_plainly
def list_jobs(
    kind: Annotated[str | None, typer.Option("--kind", help="Only `import_model` or `export_model`.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", help="Only `queued`, `running`, `succeeded`, `failed` or `cancelled`.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """List jobs, newest first.

    Example: `appliance jobs list --state running`
    """
    from installer.admin_client import AdminClient

    query: dict[str, str | int] = {"limit": limit}
    query |= {name: value for name, value in (("kind", kind), ("state", state)) if value is not None}
    with AdminClient(settings().paths) as api:
        jobs = api.get("/jobs", **query)["data"]
    if as_json:
        print_json({"jobs": jobs})
        return
    out.print(table("", ["Id", "Kind", "State", "Begun", "How far"], [row(job) for job in jobs]))


@app.command()
@speaks_plainly
def show(job_id: JobId, as_json: Json = False) -> None:
    """Show one job: what was asked, what happened, what came of it.

    Example: `appliance jobs show job-019f...`
    """
    import json
    from urllib.parse import quote

    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        job = api.get(f"/jobs/{quote(job_id, safe='')}")
    if as_json:
        print_json(job)
        return
    out.print(table(escape(job["id"]), ["Fact", "Value"], facts(job)))
    for event in job["events"]:
        detail = json.dumps(event["detail"], ensure_ascii=False) if event["detail"] else ""
        print_exactly(f"{moment(event['created_at'])}  attempt {event['attempt']}  {event['kind']}  {detail}".rstrip())


@app.command()
@speaks_plainly
def cancel(job_id: JobId, as_json: Json = False) -> None:
    """End a job. What it had done so far is kept where the next one of its kind can go on from it.

    Example: `appliance jobs cancel job-019f...`
    """
    from urllib.parse import quote

    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        job = api.post(f"/jobs/{quote(job_id, safe='')}/cancel", {})
    if as_json:
        print_json(job)
        return
    ends = "was cancelled" if job["state"] == "cancelled" else "ends within a few seconds"
    print_exactly(f"{job['id']} {ends}.")


def row(job: "JsonObject") -> list[object]:
    return [job["id"], job["kind"], coloured(job["state"]), moment(job["created_at"]), escape(how_far(job))]


def how_far(job: "JsonObject") -> str:
    error = cast("JsonObject | None", job["error"])
    if error:
        return str(error.get("message", ""))
    return progress_line(job["progress"] or {}) if job["state"] in ("queued", "running") else ""


def facts(job: "JsonObject") -> list[list[object]]:
    error = cast("JsonObject", job["error"] or {})
    result = cast("JsonObject", job["result"] or {})
    told: list[tuple[str, object]] = [
        ("kind", job["kind"]),
        ("state", coloured(job["state"])),
        ("attempt", job["attempt"]),
        ("how far", escape(how_far(job))),
        ("error", escape(str(error.get("code") or ""))),
        ("what to do", escape(str(error.get("hint") or ""))),
        *((f"asked: {name}", escape(str(value))) for name, value in job["spec"].items() if value not in (None, "", {})),
        *((f"result: {name}", escape(str(value))) for name, value in result.items()),
    ]
    return [[name, value] for name, value in told if value != ""]


def coloured(state: str) -> str:
    return f"[{COLOURS[state]}]{state}[/]" if state in COLOURS else state


def moment(unix_seconds: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%d %H:%M:%S}"
