"""`logs`: what the services wrote."""

from typing import Annotated

import typer

from installer.terminal import settings


def logs(
    service: Annotated[str | None, typer.Argument(help="One service, such as gateway; all when left out.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines of each to begin with.")] = 20,
) -> None:
    """Show what services wrote, newest last.

    Example: `appliance logs -f gateway`
    """
    from installer.log_files import follow_files, log_files, show_tail

    files = log_files(settings().paths, service=service)
    show_tail(files, lines=lines)
    if follow:
        follow_files(files)
