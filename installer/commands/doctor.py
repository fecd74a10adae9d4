"""`doctor`: what is wrong, and what to do about it."""

from typing import TYPE_CHECKING

import typer

from installer.commands.options import Json
from installer.terminal import out, print_json, settings

if TYPE_CHECKING:
    from installer.doctor.finding import Finding

MARKS = {"ok": "[green]✓[/]", "warn": "[yellow]![/]", "fail": "[red]✗[/]"}


def doctor(as_json: Json = False) -> None:
    """Check the box and say what is wrong and what to do about it. Exit code 1 when something must be mended.

    Example: `appliance doctor`
    """
    from installer.doctor.examination import examine

    findings = examine(settings())
    if as_json:
        print_json({"findings": [finding.document() for finding in findings]})
    else:
        show(findings)
    raise typer.Exit(1 if any(finding.level == "fail" for finding in findings) else 0)


def show(findings: "list[Finding]") -> None:
    for finding in findings:
        out.print(f"{MARKS[finding.level]} [bold]{finding.check}[/]  {finding.message}", highlight=False)
        if finding.level != "ok" and finding.what_to_do:
            out.print(f"    {finding.what_to_do}", markup=False, highlight=False)
