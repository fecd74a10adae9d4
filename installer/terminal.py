"""What every command shares at the terminal: the consoles, JSON out, and errors as a sentence with its hint."""

import functools
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from appliance.base.errors import ApplianceError
from appliance.base.settings import Settings

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

P = ParamSpec("P")
R = TypeVar("R")

STOPPED_BY_USER = 130


def print_json(document: Any) -> None:
    """Plain, so that a pipe gets exactly the document."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")


def print_exactly(text: str) -> None:
    """Text that must survive copying: no markup, no wrapping, no colour."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    return made


def speaks_plainly(command: Callable[P, R]) -> Callable[P, R]:
    """Our errors become a sentence and a hint with exit code 1, Ctrl-C exits 130; anything else is a bug and shows."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ApplianceError as error:
            print_error(error)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            err.print("Stopped.")
            raise typer.Exit(STOPPED_BY_USER) from None

    return run


def print_error(error: ApplianceError) -> None:
    err.print(error.message, style="bold red", markup=False, highlight=False)
    if error.hint:
        err.print(error.hint, markup=False, highlight=False)


def print_warnings(warnings: Iterable[Mapping[str, object]]) -> None:
    """What the API says beside an answer and stops nothing; on standard error, so that JSON stays JSON."""
    for each in warnings:
        err.print(f"Warning: {each['message']}", style="yellow", markup=False, highlight=False)


def settings() -> Settings:
    """The settings of this run: the shell's environment, then the home's own file."""
    from installer.environment_file import settings_with_file  # noqa: PLC0415  pydantic-settings loads slowly

    return settings_with_file()
