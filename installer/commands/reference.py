"""`reference` (hidden): writes the pages under docs/operations that are generated from the code."""

from pathlib import Path
from typing import Annotated

import typer

from installer.terminal import print_exactly


def reference(
    folder: Annotated[Path, typer.Argument(help="Where the pages go.")] = Path("docs/operations"),
) -> None:
    """Write cli.md and settings.md from the commands and the settings themselves.

    Example: `appliance reference docs/operations`
    """
    from installer.reference_pages import pages

    for name, text in pages().items():
        (folder / name).write_text(text)
        print_exactly(f"{folder / name}")
