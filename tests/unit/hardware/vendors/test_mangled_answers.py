"""Tools whose answers are torn, doubled or overwritten: some cards and Problems, or none, and never an exception."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.hardware.inventory import Accelerator
from appliance.hardware.vendors import ascend, cambricon, enflame, kunlunxin
from appliance.hardware.vendors.vendor import Vendor
from appliance.hardware.world import World
from tests.fixtures.hardware_world import SAMPLES

ROUNDS = 60
SCRAPS = ("²", "-", "9" * 400, "1" * 5000, "NaN", "inf", "|", ":", "\x00", "\n", " ", "0x", "N/A", "-1", "/", "٣", "\t")
TOOLS: tuple[tuple[Vendor, dict[str, str]], ...] = (
    (ascend.VENDOR, {"info": "info.txt", "info -m": "info-m.txt", "info -t topo": "topo.txt"}),
    (ascend.VENDOR, {"info": "info-two-dies.txt", "info -m": "info-m-two-dies.txt", "info -t topo": "topo.txt"}),
    (kunlunxin.VENDOR, {"-q": "q.txt", "topo -m": "topo.txt"}),
    (cambricon.VENDOR, {"": "cnmon.txt"}),
    (enflame.VENDOR, {"-q": "q.txt", "-L": "list-drs.txt"}),
)


@dataclass(frozen=True)
class Told(World):
    """A machine whose tools say what they are told to."""

    answers: Mapping[str, str] = field(default_factory=dict[str, str])

    def tool(self, name: str, *arguments: str, folders: object = ()) -> str:
        return self.answers[" ".join(arguments)]


def mangled(text: str, *, dice: random.Random) -> str:
    for _ in range(dice.randrange(1, 12)):
        start = dice.randrange(len(text))
        end = min(len(text), start + dice.choice((0, 1, 3, 10, 80)))
        instead = dice.choice((*SCRAPS, text[end : end + 200], ""))
        text = text[:start] + instead + text[end:] or "\n"
    return text


def is_possible(card: Accelerator) -> bool:
    warmth, power, load = card.temperature_celsius, card.power_watts, card.utilization
    return (
        (warmth is None or -40 <= warmth <= 150)
        and (power is None or power >= 0)
        and (load is None or 0 <= load <= 1)
        and card.memory_bytes >= (card.memory_used_bytes or 0) >= 0
    )


@pytest.mark.parametrize(("vendor", "files"), TOOLS, ids=lambda value: getattr(value, "name", ""))
def test_mangled_answers(tmp_path: Path, vendor: Vendor, files: dict[str, str]) -> None:
    whole = {key: (SAMPLES / vendor.name / name).read_text() for key, name in files.items()}
    for seed in range(ROUNDS):
        dice = random.Random(seed)  # noqa: S311  the same tears every time
        answers = {key: mangled(text, dice=dice) for key, text in whole.items()}
        found = vendor.detect(Told(root=tmp_path, system_paths=False, answers=answers))
        assert found.source in {"tool", "pci"}
        assert all(is_possible(card) for card in found.accelerators), seed
        assert len({card.index for card in found.accelerators}) == len(found.accelerators), seed
