"""`models`: the catalogue, what of it is served and fits, an admin's own entries, and signed updates."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from appliance.base.errors import NotFound
from installer.commands.options import Json
from installer.terminal import out, print_exactly, print_json, settings, speaks_plainly, table

if TYPE_CHECKING:
    from model_catalog.fit.answer import Answer
    from model_catalog.fit.cards import Card
    from model_catalog.fit.estimate import FitReport, Subject
    from model_catalog.fit.known_models import KnownModel

app = typer.Typer(rich_markup_mode="markdown")
GIB = 1024**3
CPU = "cpu"


@app.callback(invoke_without_command=True)
@speaks_plainly
def models(context: typer.Context, as_json: Json = False) -> None:
    """List the catalogue, say which models fit on the nodes as they are now, and which are served.

    Example: `appliance models`
    """
    if context.invoked_subcommand is not None:
        return
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        catalogue = api.every("/catalogue", fits="true")
        served = api.every("/served-models")
    if as_json:
        print_json({"catalogue": catalogue, "served_models": served})
        return
    state = {row["name"]: row["observed_state"] for row in served}
    rows = [[escape(str(cell)) for cell in (*listed(row), state.get(row["id"], ""))] for row in catalogue]
    out.print(table("Catalogue", ["Name", "", "Task", "Family", "Licence", "Fits here", "Served"], rows))
    print_retirements(catalogue)
    others = [[row["name"], row["task"], row["observed_state"]] for row in served]
    out.print(table("\nServed", ["Public name", "Task", "State"], others))


def print_retirements(catalogue: list[dict[str, Any]]) -> None:
    """Whole sentences: they name the successor."""
    for row in catalogue:
        for each in row["warnings"]:
            if each["code"] in LEAVES:
                out.print(f"[yellow]{escape(each['message'])}[/]")


def listed(row: dict[str, Any]) -> tuple[str, ...]:
    return row["id"], mark(row), row["task"], row["family"], licence_text(row["entry"]["licence"]), here_text(row)


def mark(row: dict[str, Any]) -> str:
    """Whose entry it is, where it did not come with the release; and that it retires."""
    whose = [] if row["origin"] == "release" else [str(row["origin"]), *(["overrides"] if row["overrides"] else [])]
    return ", ".join([*whose, *(LEAVES[each["code"]] for each in row["warnings"] if each["code"] in LEAVES)])


LEAVES = {"model_retired": "retired", "model_retires": "retires soon"}


def licence_text(licence: dict[str, Any]) -> str:
    """`*`: it has conditions, which `models show` prints."""
    if not licence["commercial"]:
        return f"{licence['id']} (not commercial)"
    return f"{licence['id']} *" if licence["note"] else str(licence["id"])


HERE = {"now": "now", "if_empty": "if empty", "never": "no"}


def here_text(row: dict[str, Any]) -> str:
    fits = row["fits"]
    if fits is None or fits["verdict"] == "never":
        return HERE["never"]
    where = f"{fits['cards']} x {fits['product']}" if fits["cards"] else "processor"
    return f"{HERE[fits['verdict']]}: {fits['variant']} on {where}"


@app.command()
@speaks_plainly
def show(
    name: Annotated[str, typer.Argument(help="A catalogue entry.")],
    as_json: Json = False,
) -> None:
    """Print an entry in the form of its file, with whether it fits here as comments above it.

    Example: `appliance models show sails-guide > mine.yaml`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        found = api.get(f"/catalogue/{name}", fits="true")
    if as_json:
        print_json(found)
        return
    fits = found["fits"] or {"reason": "The release no longer carries it."}
    print_exactly(f"# {found['origin']}{', overrides another of this name' if found['overrides'] else ''}")
    print_exactly(f"# Fits here: {here_text(found)}. {fits['reason'] or ''}".rstrip())
    for each in found["warnings"]:
        print_exactly(f"# Warning: {each['message']}")
    print_exactly(file_text(found["entry"]))


def file_text(document: dict[str, Any]) -> str:
    """As it would stand in a catalogue file; what is at its default is left out."""
    import yaml

    from model_catalog.schema import CatalogueEntry

    entry = CatalogueEntry.model_validate(document).model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=120).rstrip()


@app.command()
@speaks_plainly
def add(
    file: Annotated[Path, typer.Argument(help="YAML in the form of the shipped entries.")],
    override: Annotated[
        bool, typer.Option("--override", help="They may take names of the appliance's own entries.")
    ] = False,
    replace_own: Annotated[
        bool, typer.Option("--replace", help="They may take the place of your own of the same names.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add entries of your own to the catalogue: all of the file or none.

    Example: `appliance models add mine.yaml`
    """
    from installer.admin_client import AdminClient
    from model_catalog.admission import read_entries

    documents = [entry.model_dump(mode="json") for entry in read_entries(file)]
    names = [document["name"] for document in documents]
    with AdminClient(settings().paths) as api:
        api.post("/catalogue/entries", {"entries": documents, "overrides": override, "replaces": replace_own})
    if as_json:
        print_json({"names": names})
        return
    print_exactly(f"In the catalogue: {', '.join(names)}.")


@app.command()
@speaks_plainly
def remove(name: Annotated[str, typer.Argument(help="A custom entry.")]) -> None:
    """Remove an entry of your own; models that are served go on.

    Example: `appliance models remove my-model`
    """
    from installer.admin_client import AdminClient

    with AdminClient(settings().paths) as api:
        removed = api.delete(f"/catalogue/entries/{name}")
    left = " The appliance's own entry of that name counts again." if removed["remaining"] else ""
    print_exactly(f"{name} is removed.{left}")


@app.command()
@speaks_plainly
def update(
    file: Annotated[Path, typer.Argument(help="A signed catalogue update.")],
    as_json: Json = False,
) -> None:
    """Apply a signed catalogue update. The box works without any.

    Example: `appliance models update catalogue-7.update`
    """
    from installer.admin_client import AdminClient
    from model_catalog.updates.reading import read_document

    document = read_document(file)
    with AdminClient(settings().paths) as api:
        headers = {"content-type": "application/octet-stream"}
        applied = api.call("POST", "/catalogue/updates", content=document, headers=headers)
    if as_json:
        print_json(applied)
        return
    entries = "1 entry" if applied["entries"] == 1 else f"{applied['entries']} entries"
    print_exactly(f"Catalogue update {applied['sequence']} is applied, with {entries}.")


@app.command()
@speaks_plainly
def fit(
    name: Annotated[str, typer.Argument(help="A catalogue entry, a YAML file with one, or a folder with config.json.")],
    on: Annotated[
        str | None, typer.Option("--on", help="A kind of card, or `cpu` for this machine; all kinds when left out.")
    ] = None,
    cards: Annotated[int | None, typer.Option("--cards", min=1, help="How many; the fewest when left out.")] = None,
    context: Annotated[
        int | None, typer.Option("--context", min=1, help="Tokens per sequence; the model's, up to 32,768.")
    ] = None,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Sequences at once.")] = 1,
    quantization: Annotated[
        str | None, typer.Option("--quantization", help="A known form of the weights, or fp8, int4, wint8, q4_0 ...")
    ] = None,
    fp8_cache: Annotated[bool, typer.Option("--fp8-cache", help="Keep the KV cache in fp8.")] = False,
    pack: Annotated[str | None, typer.Option("--pack", help="Engine pack; the card's usual one when left out.")] = None,
    nodes: Annotated[int, typer.Option("--nodes", min=1, max=16, help="Nodes it may spread over.")] = 1,
    entry: Annotated[str | None, typer.Option("--entry", help="Which entry of a YAML file with several.")] = None,
    as_json: Json = False,
) -> None:
    """Say whether a model fits on a kind of card, with the sum line by line. Without a running appliance it knows the
    entries that ship with the release, not your own; a file's it knows always.

    Example: `appliance models fit ernie-4.5-300b-a47b --on p800 --quantization wint4`
    """
    from model_catalog.fit.answer import answer, on_every_card, usual_ask
    from model_catalog.fit.estimate import Subject
    from model_catalog.fit.kv_cache import FP8_BYTES
    from model_catalog.fit.overheads import find_overheads

    model = model_named(name, entry=entry)
    weights = model.weights(quantization)
    usual = usual_ask(model)
    ask = replace(
        usual,
        context=context or usual.context,
        concurrency=concurrency,
        cache_element_bytes=FP8_BYTES if fp8_cache else 0,
        nodes=nodes,
    )
    if on is None:
        print_all(list(on_every_card(model, weights, ask)), as_json=as_json)
        return
    card = card_named(on)
    subject = Subject(model.name, model.shape, weights, card, find_overheads(pack or card.pack))
    found = answer(subject, ask, cards=cards)
    if as_json:
        print_json({**found.document(), "servable": not no_pack_text(subject)})
        return
    print_sum(found)


@app.command()
@speaks_plainly
def here(
    file: Annotated[Path | None, typer.Argument(help="YAML with entries; the catalogue's when left out.")] = None,
    root: Annotated[
        Path | None, typer.Option("--root", hidden=True, help="Another machine's files, to replay.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which of the known models this box could run, each alone, and where. Without a running appliance it knows
    the entries that ship with the release, not your own.

    Example: `appliance models here`
    """
    from appliance.hardware.discovery import discover
    from installer.box_fit import verdicts
    from installer.known_entries import entries_of_file, known_entries

    known = known_entries(settings().paths) if file is None else entries_of_file(file)
    found = list(verdicts(discover(root) if root else discover(), known.entries.values()))
    if as_json:
        print_json({"models": [verdict.document() for verdict in found], "note": known.note})
        return
    rows = [
        [
            verdict.model,
            "[green]fits[/]" if verdict.fits else "does not fit",
            verdict.form,
            f"{verdict.pack} (unverified)" if verdict.unverified else verdict.pack,
            verdict.where or verdict.why_not,
        ]
        for verdict in sorted(found, key=lambda verdict: not verdict.fits)
    ]
    out.print(table("", ["Model", "", "Form", "Engine pack", "Where, or what is missing"], rows))
    if known.note:
        print_exactly(known.note)


def model_named(name: str, *, entry: str | None) -> "KnownModel":
    """A folder and a file need no appliance; a name may be an admin's own."""
    from installer.known_entries import entries_of_file, is_entry_file, known_entries, only_entry
    from model_catalog.fit.known_models import find_model, model_of_entry

    if is_entry_file(name):
        return model_of_entry(only_entry(entries_of_file(Path(name)), path=name, name=entry))
    if "/" in name or Path(name).is_dir():
        return find_model(name)
    known = known_entries(settings().paths)
    try:
        return find_model(name, entries=known.entries)
    except NotFound as error:
        if known.note:
            error.hint = f"{known.note} {error.hint}"
        raise


def card_named(name: str) -> "Card":
    """`cpu` is this machine: its memory, or its control group's limit."""
    from appliance.hardware.memory import read_memory
    from model_catalog.fit.cards import find_card, this_machine

    if name.casefold() != CPU:
        return find_card(name)
    memory = read_memory()
    return this_machine(memory.limit_bytes or memory.total_bytes)


def print_all(answers: "list[Answer]", *, as_json: bool) -> None:
    if as_json:
        print_json({"cards": [found.document() for found in answers]})
        return
    first = answers[0].report
    rows = [
        [
            found.report.subject.card.name,
            str(found.report.layout) if found.fits else "",
            gib(found.report.needed_bytes),
            gib(found.report.claim_bytes),
            verdict(found),
            f"{found.longest:,}" if found.longest else "",
        ]
        for found in answers
    ]
    columns = ["Card", "Smallest layout", "Needs per card", "Claims per card", "", "Longest context"]
    out.print(table(heading(first), columns, rows))
    if sentence := no_pack_text(first.subject):
        print_exactly(sentence)


def print_sum(found: "Answer") -> None:
    from model_catalog.fit.shape import describe

    report = found.report
    rows = [[item.label, gib(item.size_bytes), item.formula, item.source] for item in report.items]
    rows.append(["needed per card", gib(report.needed_bytes), "", ""])
    rows.append(["claimed per card", gib(report.claim_bytes), claim_text(report.subject, report), ""])
    out.print(table(f"{heading(report)} on {report.layout} of {report.subject.card.name}", SUM_COLUMNS, rows))
    for layer, count in report.subject.shape.groups.items():
        print_exactly(f"  {describe(layer, count)}")
    print_exactly(f"\n{verdict(found).capitalize()}{'.' if found.fits else ': ' + missing(found)}")
    if found.fits and report.subject.shape.generates:
        print_exactly(f"At most {found.longest:,} tokens in one sequence; {found.most:,} sequences of this context.")
    for sentence in (found.disagreement, row_text(found), *report.notes, no_pack_text(report.subject)):
        if sentence:
            print_exactly(sentence)


def no_pack_text(subject: "Subject") -> str:
    """For a form that only an engine runs of which the appliance carries no pack: the sum holds, serving does not."""
    from appliance.engines.pack import load_pack, pack_names

    engine = subject.weights.engine
    if engine is None or engine.casefold() in {load_pack(name).engine.casefold() for name in pack_names()}:
        return ""
    return f"There is no engine pack for {engine}: the appliance cannot serve this form."


SUM_COLUMNS = ["Line", "Size", "How", "Source"]


def heading(report: "FitReport") -> str:
    ask, subject = report.ask, report.subject
    return f"{subject.name} ({subject.weights.name}), {ask.concurrency} x {ask.context:,} tokens"


def claim_text(subject: "Subject", report: "FitReport") -> str:
    share = report.claim_bytes / subject.card.memory_bytes.value
    figure = subject.card.memory_bytes
    return f"{share:.0%} of {gib(int(figure.value))} ({figure.evidence}: {figure.source})"


def verdict(found: "Answer") -> str:
    return "fits" if found.fits else "does not fit"


def missing(found: "Answer") -> str:
    report = found.report
    short = f"{gib(report.missing_bytes)} per card are missing." if report.missing_bytes else "a published row says so."
    return f"{short} Nearest change: {report.change}." if report.change else short


def row_text(found: "Answer") -> str:
    if found.row is None or found.disagreement:
        return ""
    return f"A published row says the same ({found.row.evidence}, {found.row.pack}: {found.row.source})."


def gib(size_bytes: int) -> str:
    return f"{size_bytes / GIB:.2f} GiB"
