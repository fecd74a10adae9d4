"""`engines`: the engine packs, which of them are installed, and whether one keeps its promises."""

from typing import TYPE_CHECKING, Annotated

import typer

from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

if TYPE_CHECKING:
    from appliance.engines.conformance.suite import Outcome

app = typer.Typer(
    help="Show, install and check engine packs: the engines for each kind of accelerator.\n\nExample: "
    "`appliance engines list`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Name = Annotated[str, typer.Argument(help="The pack's name; `appliance engines list` shows it.")]
EVIDENCE = {"conformance": "[green]checked[/]", "unverified": "[yellow]unverified[/]"}


@app.command("list")
@speaks_plainly
def list_packs(as_json: Json = False) -> None:
    """List the packs: engine, accelerators, whether installed here, and whether anybody of us has run it.

    Example: `appliance engines list`
    """
    from installer.engine_packs import known_packs

    packs = known_packs(settings().engines_dir)
    if as_json:
        print_json({"engine_packs": [known.document() for known in packs]})
        return
    rows = [
        [
            *(known.pack.name, known.pack.engine, known.pack.version, " ".join(known.pack.accelerators)),
            *(" ".join(known.pack.tasks), known.state, EVIDENCE[known.pack.evidence]),
        ]
        for known in packs
    ]
    out.print(table("", ["Name", "Engine", "Version", "Accelerators", "Tasks", "Here", "Evidence"], rows))


@app.command()
@speaks_plainly
def show(name: Name, as_json: Json = False) -> None:
    """Show one pack: what it needs, how it is started, and its known limits.

    Example: `appliance engines show llamacpp-cpu`
    """
    from appliance.engines.pack import load_pack
    from installer.engine_packs import KnownPack

    known = KnownPack.of(load_pack(name), engines_dir=settings().engines_dir)
    pack = known.pack
    if as_json:
        print_json(known.document())
        return
    facts = {
        "Engine": f"{pack.engine} {pack.version}",
        "Accelerators": " ".join(pack.accelerators + pack.architectures),
        "Evidence": EVIDENCE[pack.evidence],
        "Here": known.state,
        "Tasks": " ".join(pack.tasks),
        "Weights": " ".join(pack.weight_formats + pack.quantizations),
        "LoRA": "while it runs" if pack.lora else "no",
        "Written from": pack.source,
        "Starts with": " ".join(pack.launch.argv),
    }
    out.print(table(pack.name, ["Fact", "Value"], [[fact, value] for fact, value in facts.items()]))
    for limit in pack.known_limits:
        print_exactly(f"{limit.code}: {limit.text}")


@app.command()
@speaks_plainly
def install(name: Name) -> None:
    """Install a pack's environment; one that is there already is left alone.

    Example: `appliance engines install llamacpp-cpu`
    """
    from appliance.engines.install import install_pack
    from appliance.engines.pack import load_pack

    with out.status(f"Installing {name}") as line:
        installed = install_pack(
            load_pack(name),
            engines_dir=settings().engines_dir,
            progress=lambda said: line.update(f"Installing {name} [dim]({said})[/]"),
        )
    print_exactly(f"{installed.title} is installed, {installed.size_bytes / 1e9:.1f} GB in {installed.environment}.")


@app.command()
@speaks_plainly
def check(
    name: Name,
    quantization: Annotated[
        str | None, typer.Option("--quantization", help="Check it with quantized weights: a form that the pack names.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the conformance suite: start the engine on the bundled model and try all that every pack must do.

    It needs no running appliance, and takes a minute or two. Exit code 1 when a check fails.

    Example: `appliance engines check llamacpp-cpu`
    """
    from appliance.engines.conformance.suite import run_suite
    from appliance.engines.pack import load_pack

    report = run_suite(
        load_pack(name),
        engines_dir=settings().engines_dir,
        quantization=quantization,
        show=(lambda _: None) if as_json else show_outcome,
    )
    if as_json:
        print_json(report.document())
    raise typer.Exit(0 if report.passed else 1)


def show_outcome(outcome: "Outcome") -> None:
    mark = "[green]✓[/]" if outcome.passed else "[red]✗[/]"
    out.print(f"{mark} {outcome.seconds:6.1f} s  {outcome.check:<20}", end=" ", highlight=False)
    print_exactly(outcome.said)
