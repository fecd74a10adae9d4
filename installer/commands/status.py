"""`status`: processes, reconcilers, served models; green or not."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from installer.commands.options import Json
from installer.terminal import out, print_json, settings, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from installer.admin_client import JsonObject
    from installer.status_report import StatusReport

WATCH_SECONDS = 2.0


def status(
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds until Ctrl-C.")] = False,
) -> None:
    """Show every process, every reconciler and every served model. Exit code 0 only when all is well.

    Example: `appliance status --json`
    """
    from installer.status_report import read_status

    home = settings().paths
    if watch:
        follow(lambda: read_status(home))
        return
    report = read_status(home)
    if as_json:
        print_json(report.document())
    else:
        out.print(rendered(report))
    raise typer.Exit(0 if report.is_green else 1)


def follow(read: "Callable[[], StatusReport]") -> None:
    from rich.live import Live

    with Live(for_watching(read()), console=out, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
        while True:
            live.update(for_watching(read()), refresh=True)
            time.sleep(WATCH_SECONDS)


def for_watching(report: "StatusReport") -> "Group":
    """What matters most comes first: a small window shows only the top."""
    from rich.console import Group

    return Group(verdict(report), model_table(report), process_table(report), reconciler_table(report))


def rendered(report: "StatusReport") -> "Group":
    """What matters most comes last, next to the prompt."""
    from rich.console import Group

    parts = [process_table(report), reconciler_table(report), model_table(report)]
    return Group(*[part for part in parts if part.row_count], verdict(report))


def verdict(report: "StatusReport") -> "Text":
    from rich.text import Text

    problems = report.problems()
    if not problems:
        return Text("All is well.", style="bold green")
    return Text("\n".join(["Not well:", *(f"  {problem}" for problem in problems)]), style="bold red")


def process_table(report: "StatusReport") -> "Table":
    rows = [
        [
            process.name,
            state_text(process.state, ok=process.is_green),
            process.pid or "",
            duration(process.uptime_seconds),
            megabytes(process.memory_bytes),
            process.processes,
            process.problem,
        ]
        for process in report.processes
    ]
    if rows:
        rows.append(["without engines", "", "", "", megabytes(report.memory_without_engines_bytes), "", ""])
    return table("Processes", ["Name", "State", "Pid", "Up", "Memory", "Processes", "Problem"], rows)


def reconciler_table(report: "StatusReport") -> "Table":
    rows = [
        [row["name"], age(row["last_run_at"], now=report.now), row["backlog"], row["last_error"] or ""]
        for row in report.reconcilers
    ]
    return table("\nReconcilers", ["Name", "Last run", "Backlog", "Last error"], rows)


def model_table(report: "StatusReport") -> "Table":
    rows = [
        [
            row["name"],
            state_text(row["observed_state"], ok=row["observed_state"] == "ready"),
            replicas(row),
            row["observed_reason"] or "",
        ]
        for row in report.served_models
    ]
    return table("\nServed models", ["Name", "State", "Replicas ready", "Reason"], rows)


def replicas(row: "JsonObject") -> str:
    ready = sum(replica["state"] == "ready" for replica in row["replicas"])
    return f"{ready} of {row['desired_replicas']}"


def state_text(state: str, *, ok: bool) -> str:
    return f"{'[green]' if ok else '[red]'}{state}[/]"


def megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1024**2:,.0f} MiB"


def duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if seconds else ""


def age(unix_seconds: int | None, *, now: int) -> str:
    return "never" if unix_seconds is None else f"{max(0, now - unix_seconds)} s ago"
