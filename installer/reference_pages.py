"""Pages of docs/operations that are made from the code, so that they cannot be wrong: commands and settings."""

from collections.abc import Iterator
from typing import cast

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from appliance.base.settings import PREFIX, Group, Settings
from installer.cli import app

MADE = "<!-- Made by `appliance reference docs/operations`; change the code, not this page. -->\n"


def pages() -> dict[str, str]:
    return {"cli.md": cli_page(), "settings.md": settings_page()}


def cli_page() -> str:
    root = cast("TyperGroup", typer.main.get_command(app))
    parts = [
        "# The `appliance` command",
        MADE,
        "In a checkout it lies at `.venv/bin/appliance`. It works on the home that `APPLIANCE_HOME` names. Exit code 0 "
        "is well, 1 is a problem that the last lines explain, 2 a mistake in the command line, 130 stopped by Ctrl-C.",
    ]
    parts += [command_section(path, command) for path, command in visible_commands(root, path=("appliance",))]
    return "\n\n".join(parts) + "\n"


def visible_commands(group: TyperGroup, *, path: tuple[str, ...]) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Every command that does something, in the order in which `--help` lists them; a group that does something by
    itself too.
    """
    for name, child in group.commands.items():
        if isinstance(child, TyperGroup):
            if child.invoke_without_command:
                yield " ".join((*path, name)), child
            yield from visible_commands(child, path=(*path, name))
        elif isinstance(child, TyperCommand) and not child.hidden:
            yield " ".join((*path, name)), child


def command_section(path: str, command: TyperCommand | TyperGroup) -> str:
    lines = [f"## `{path}`", (command.help or "").strip()]
    rows = [row for parameter in command.params if (row := parameter_row(parameter))]
    if rows:
        lines.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    return "\n\n".join(lines)


def parameter_row(parameter: object) -> str:
    if isinstance(parameter, TyperArgument):
        return f"| `{(parameter.name or '').upper()}` | {parameter.help or ''} |"
    if isinstance(parameter, TyperOption) and parameter.name != "help" and not parameter.hidden:
        return f"| {', '.join(f'`{name}`' for name in parameter.opts)} | {parameter.help or ''} |"
    return ""


def settings_page() -> str:
    rows = [f"| `{name}` | {default} | {meaning} |" for name, default, meaning in setting_rows(Settings, prefix=PREFIX)]
    return "\n".join(
        [
            "# Settings",
            "",
            MADE,
            "Settings are environment variables. Those that should hold without being typed go into `appliance.env` in",
            "the home, one `NAME=value` per line; the shell's environment wins. A misspelt name is an error.",
            "`appliance up` takes changes over and restarts what they concern. Secrets are never settings: they are",
            "files under `secrets/`.",
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def setting_rows(model: type[BaseModel], *, prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, Group):
            yield from setting_rows(group, prefix=f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}", default_text(field), field.description or ""


def default_text(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "`.appliance` in a checkout, else `~/.thousand-sails`"
    if field.default is None or field.default is PydanticUndefined or field.default == "":
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
