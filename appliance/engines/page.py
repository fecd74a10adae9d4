"""`python -m appliance.engines.page` writes docs/engine_packs.md from the packs themselves."""

import sys
from collections.abc import Iterator
from pathlib import Path

from appliance.base.paths import PROJECT_ROOT
from appliance.engines.pack import EnginePack, Environment, load_pack, pack_names

PAGE = PROJECT_ROOT / "docs" / "engine_packs.md"
INTRODUCTION = """\
# Engine packs

Written by `python -m appliance.engines.page`; change the packs under `appliance/engines/packs/` instead.

A pack is data: one engine in one version for one family of accelerators, with its own locked environment or a
vendor's container image, how it is started, where its health and its figures are read, how adapters come and go,
and its known limits. `appliance engines list`, `show`, `install` and `check` work on them;
`appliance serve deploy NAME --pack PACK` chooses one.

A model takes the pack that an admin chose; else the one that its catalogue entry names, where that one can run it here;
else every installed pack that serves its task from files of its format, architecture and quantization is tried, in the
order of [placement](placement.md#from-a-served-model-to-an-engine). What the catalogue knows of a chat model's parsers
and of sampling is told to the engine in its own words, as far as the pack lists the name; without it the engine starts
all the same, and `appliance serve list` says what is lost.

*checked*: the conformance suite (`appliance engines check`) passed on real hardware of that family: greedy answers
equal to those of Hugging Face transformers on the bundled model wherever its two best tokens are not within rounding
of each other, streaming, stop strings, token limits, refusal of a prompt that is too long, eight requests at once,
cancelling, LoRA where claimed, metrics, a crash with restart, and a clean stop. *unverified*: written from the
vendor's documentation; nobody of us has run it.

A container image is started by the nodes of a cluster, not by a single box; where no image is named, the import that
brings one names and pins it.

"""


def page() -> str:
    packs = [load_pack(name) for name in pack_names()]
    rows = ["| pack | engine | accelerators | comes as | tasks | weights | evidence |", "|---|---|---|---|---|---|---|"]
    rows += [row(pack) for pack in packs]
    return INTRODUCTION + "\n".join([*rows, "", *(line for pack in packs for line in limits(pack))]).rstrip() + "\n"


def row(pack: EnginePack) -> str:
    kind = "environment" if isinstance(pack.install, Environment) else image_of(pack)
    evidence = "checked" if pack.evidence == "conformance" else "**unverified**"
    cells = [
        *(pack.name, f"{pack.engine} {pack.version}", " ".join((*pack.accelerators, *pack.architectures)), kind),
        *(" ".join(pack.tasks), " ".join((*pack.weight_formats, *pack.quantizations)), evidence),
    ]
    return f"| {' | '.join(cells)} |"


def image_of(pack: EnginePack) -> str:
    if isinstance(pack.install, Environment) or not pack.install.repository:
        return "image, not named"
    return f"image `{pack.install.repository}:{pack.install.tag}`"


def limits(pack: EnginePack) -> Iterator[str]:
    yield f"## {pack.name}\n"
    yield f"From {pack.source}.\n"
    yield from (f"- `{limit.code}`: {limit.text}" for limit in pack.known_limits)
    yield from (f"- {sentence}" for sentence in parsers(pack))
    yield ""


def parsers(pack: EnginePack) -> Iterator[str]:
    for title, known in (("Tool calls", pack.launch.tools), ("Reasoning", pack.launch.reasoning)):
        if known is None:
            if "chat" in pack.tasks:
                yield f"{title}: not taken apart."
        elif known.finds_itself:
            yield f"{title}: as the chat template says."
        else:
            names = sorted([*known.names, *(f"{name} (as {own})" for name, own in known.renamed.items())])
            yield f"{title}: {', '.join(names)}."


def main(target: Path = PAGE) -> int:
    target.write_text(page())
    sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
