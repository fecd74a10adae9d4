"""`python -m model_catalog.page` writes `docs/catalogue.md` from the entries: a table per task, in display order."""

from collections.abc import Iterable, Iterator

from model_catalog.catalogue import PACKAGE_FOLDER, in_display_order, load_catalogue
from model_catalog.evidence import counts_of
from model_catalog.fit.validated import load_rows, validated_name
from model_catalog.schema import (
    CatalogueEntry,
    Evidence,
    Figure,
    HubSource,
    Licence,
    TracedDay,
    TracedHubId,
    Variant,
)
from model_catalog.vocabulary import SERVED_TASKS, Task

PAGE = PACKAGE_FOLDER.parent / "docs" / "catalogue.md"
GIB = 1024**3
LONG = 1024
TITLES = {
    Task.CHAT: "Chat, reasoning, code and vision",
    Task.EMBEDDING: "Embedding",
    Task.RERANK: "Rerank",
    Task.SPEECH_TO_TEXT: "Speech to text",
    Task.TEXT_TO_SPEECH: "Text to speech",
}
COLUMNS = (
    "Model",
    "Publisher",
    "Parameters",
    "Context",
    "Capabilities",
    "Licence",
    "Forms of the weights",
    "Tool / reasoning parser",
    "Hubs",
    "Since",
    "Rows",
)

HEAD = """# Catalogue

<!-- Made by `python -m model_catalog.page`; change model_catalog/entries/*.yaml or the code, not this page. -->

What the appliance knows, from `model_catalog/entries`: {count} entries, of which fit can reckon {fitted} layer by layer
(`appliance models fit NAME`). Each figure there has its evidence and its source; here a figure that nobody has checked
bears a **?**. The box downloads nothing by itself; digests of hub files are empty until a first import pins them.

- **NC**: commercial use is not allowed. **gated**: the publisher asks for an agreement before a download.
- **Parameters**: all of them / those that one token uses, in thousand millions.
- **Forms**: the first is the default. *at load*: the engine quantizes while it loads. Families of accelerators stand
  in brackets where a form was made for some only. GiB are of memory.
- **Parsers** are named as vLLM names them.
- **Rows**: how many published rows of `docs/fit.md` hold for the model.
- **Hubs** are Hugging Face (HF) and ModelScope (MS); an id with a **?** stands in no published list that was read.
- **Since**: when the publisher brought it out. **cond.**: the licence has conditions, listed at the end.
- An older model names the one to prefer after an arrow.
"""


def page() -> str:
    entries = in_display_order(load_catalogue().values())
    fitted = sum(entry.no_shape is None for entry in entries)
    parts = [*sections(entries), *unfitted(entries), *conditions(entries), *evidence(entries)]
    return "\n".join([HEAD.format(count=len(entries), fitted=fitted), *parts]) + "\n"


def sections(entries: Iterable[CatalogueEntry]) -> Iterator[str]:
    listed = list(entries)
    for task, title in TITLES.items():
        yield f"## {title}\n"
        if task not in SERVED_TASKS:
            yield "Listed so that their files can be kept; no engine pack serves them yet.\n"
        yield f"| {' | '.join(COLUMNS)} |"
        yield f"|{'---|' * len(COLUMNS)}"
        yield from (f"| {' | '.join(cells(entry))} |" for entry in listed if entry.task is task)
        yield ""


def unfitted(entries: Iterable[CatalogueEntry]) -> Iterator[str]:
    yield "## Without a shape\n"
    yield "Fit reckons these by the size of their weights alone, or not at all:\n"
    yield from (f"- `{entry.name}`: {entry.no_shape}." for entry in entries if entry.no_shape is not None)


def conditions(entries: Iterable[CatalogueEntry]) -> Iterator[str]:
    """Models under the same conditions together; the first line of a licence that forbids commerce says so."""
    yield "\n## Conditions of licences\n"
    yield "What an admin must know before use; the text of the licence decides.\n"
    together: dict[tuple[str, str, str], list[str]] = {}
    for entry in entries:
        found = entry.licence
        if found.note is not None:
            sort = found.id if found.commercial else f"{found.id}, **not for commercial use**"
            together.setdefault((sort, found.note.en, f"{found.evidence}: {found.source}"), []).append(entry.name)
    for (sort, note, source), names in together.items():
        yield f"- {sort}: {', '.join(f'`{name}`' for name in names)}. {note} ({source})"


def evidence(entries: Iterable[CatalogueEntry]) -> Iterator[str]:
    yield "\n## Evidence\n"
    yield "How many of the facts are known how:\n"
    kinds = list(Evidence)
    yield f"| Fact | {' | '.join(kinds)} |"
    yield f"|{'---|' * (len(kinds) + 1)}"
    for fact, counted in counts_of(entries).items():
        yield f"| {fact} | {' | '.join(str(counted[kind]) for kind in kinds)} |"


def cells(entry: CatalogueEntry) -> tuple[str, ...]:
    chat = entry.chat
    parsers = (chat.tool_call_parser or "-", chat.reasoning_parser or "-") if chat else ("-", "-")
    return (
        name_cell(entry),
        entry.publisher,
        parameters(entry),
        tokens(entry.context),
        ", ".join(entry.capabilities),
        licence(entry.licence),
        "<br>".join(form(variant) for variant in entry.variants),
        " / ".join(parsers) if any(part != "-" for part in parsers) else "",
        hubs(entry.default_variant),
        since(entry),
        str(rows_of(entry) or ""),
    )


def name_cell(entry: CatalogueEntry) -> str:
    after = f" → `{entry.successor_name}`" if entry.successor else ""
    retired = f" (retired {entry.retired.value})" if entry.retired else ""
    return f"`{entry.name}`{after}{retired}<br>{entry.display_name.en}"


def mark(figure: Figure | TracedDay | TracedHubId) -> str:
    return " **?**" if figure.evidence is Evidence.UNVERIFIED else ""


def parameters(entry: CatalogueEntry) -> str:
    found = [entry.parameters, entry.active_parameters]
    return " / ".join(f"{figure.value / 1e9:.3g}{mark(figure)}" for figure in found if figure is not None)


def tokens(figure: Figure | None) -> str:
    """131072 as 128K and 1048576 as 1M; what is no multiple of 1,024 as it is."""
    if figure is None:
        return ""
    count = int(figure.value)
    for unit, size in (("M", LONG**2), ("K", LONG)):
        if count % size == 0:
            return f"{count // size}{unit}{mark(figure)}"
    return f"{count:,}{mark(figure)}"


def licence(found: Licence) -> str:
    marks = [*([] if found.commercial else ["**NC**"]), *(["gated"] if found.gated else [])]
    marks += ["cond."] if found.note else []
    unsure = " **?**" if found.evidence is Evidence.UNVERIFIED else ""
    return " ".join([f"[{found.id}]({found.url}){unsure}", *marks])


def since(entry: CatalogueEntry) -> str:
    return f"{entry.introduced.value}{mark(entry.introduced)}" if entry.introduced else ""


def form(variant: Variant) -> str:
    figure = variant.weight_bytes
    size = f" {figure.value / GIB:,.1f} GiB{mark(figure)}" if figure else ""
    families = f" ({', '.join(variant.accelerators)})" if variant.accelerators else ""
    engine = f", {variant.engine} only" if variant.engine else ""
    return f"{variant.name}{size}{families}{', at load' if variant.at_load else ''}{engine}"


def hubs(variant: Variant) -> str:
    """Ids on each hub; what the box carries itself says so."""
    match variant.source:
        case HubSource(huggingface=hugging_face, modelscope=modelscope):
            named = (("HF", hugging_face), ("MS", modelscope))
            cells_of = {hub: f"{said.value}{mark(said)}" for hub, said in named if said is not None}
            if len(set(cells_of.values())) == 1:
                return f"{', '.join(cells_of)}: {next(iter(cells_of.values()))}"
            return "<br>".join(f"{hub}: {cell}" for hub, cell in cells_of.items())
        case _:
            return "on the box"


def rows_of(entry: CatalogueEntry) -> int:
    name = validated_name(entry.name)
    return sum(row.model == name for row in load_rows())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
