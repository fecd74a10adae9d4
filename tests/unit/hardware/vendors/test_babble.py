"""Whatever a tool prints, discovery answers: no exception, and no figure that cannot be true."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.hardware.vendors import amd, gaudi, hygon, intel_gpu, nvidia
from appliance.hardware.vendors.vendor import Vendor
from appliance.hardware.world import VendorFailed, World
from tests.fixtures.hardware_world import SAMPLES, FakeMachine

TOKENS = ("", "N/A", "-1", "65535", "NaN", "1e999", "\0", "{", "}", '"', "null", "[Not Supported]", "²", "<", "9" * 400)


@dataclass(frozen=True)
class Babbler(World):
    """A machine whose tools answer by the first word of the sample that fits their arguments, without a process."""

    answers: dict[str, str] = field(default_factory=dict[str, str])

    def tool(self, name: str, *arguments: str, folders: object = ()) -> str:
        for key in sorted(self.answers, key=len, reverse=True):
            if key in " ".join((name, *arguments)):
                return self.answers[key]
        raise VendorFailed(f"The tool {name} is not installed.")


@dataclass(frozen=True)
class Case:
    vendor: Vendor
    ids: str
    device_class: str
    samples: dict[str, str]
    tool: str


CASES = [
    Case(
        nvidia.VENDOR,
        "10de:2330",
        "030200",
        {"-q -x": "nvidia/smi_8_h100.xml", "topo -m": "nvidia/topology_8_h100.txt", "-L": "nvidia/list.txt"},
        "nvidia-smi",
    ),
    Case(nvidia.VENDOR, "10de:20b2", "030200", {"-q -x": "nvidia/recorded_a100_mig.xml"}, "nvidia-smi"),
    Case(
        amd.VENDOR,
        "1002:74a1",
        "120000",
        {"static": "amd/amd_smi_static.json", "metric": "amd/amd_smi_metric.json"},
        "amd-smi",
    ),
    Case(amd.VENDOR, "1002:738c", "038000", {"rocm-smi": "amd/recorded_rocm_smi_4_mi100.json"}, "rocm-smi"),
    Case(hygon.VENDOR, "1d94:6320", "0b4000", {"hy-smi": "hygon/recorded_hy_smi_2_bw.json"}, "hy-smi"),
    Case(
        intel_gpu.VENDOR,
        "8086:0bd5",
        "038000",
        {
            "discovery -j": "intel_gpu/discovery.json",
            "discovery -d 3": "intel_gpu/discovery_of_3.json",
            "stats -d 3": "intel_gpu/stats_of_3.json",
        },
        "xpu-smi",
    ),
    Case(gaudi.VENDOR, "1da3:1060", "120000", {"hl-smi": "gaudi/hl_smi_8_gaudi3.csv"}, "hl-smi"),
]


@pytest.fixture(params=CASES, ids=lambda case: f"{case.tool}-{case.ids[5:]}")
def babble(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Case, Callable[[dict[str, str]], World]]:
    case: Case = request.param
    machine = FakeMachine(tmp_path)
    for bus in range(0x10, 0x18):
        machine.pci(f"0000:{bus:x}:00.0", ids=case.ids, device_class=case.device_class)
    if case.tool == "amd-smi":
        machine.file("usr/bin/amd-smi")
    return case, lambda answers: Babbler(root=tmp_path, system_paths=False, answers=answers)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(TOKENS)), min_size=0, max_size=6))
def test_damaged_answers(
    babble: tuple[Case, Callable[[dict[str, str]], World]], damage: list[tuple[float, int, str]]
) -> None:
    case, world = babble
    answers: dict[str, str] = {}
    for key, sample in case.samples.items():
        text = (SAMPLES / sample).read_text()
        for where, length, token in damage:
            start = int(where * len(text))
            text = text[:start] + token + text[start + length :]
        answers[key] = text
    found = case.vendor.detect(world(answers))
    assert found.source in ("tool", "pci")
    for card in found.accelerators:
        assert card.utilization is None or 0 <= card.utilization <= 1
        assert card.temperature_celsius is None or 0 < card.temperature_celsius <= 150
        assert card.power_watts is None or 0 <= card.power_watts <= 5000
        assert 0 <= card.memory_bytes <= 1 << 44
        assert card.memory_used_bytes is None or 0 <= card.memory_used_bytes <= (card.memory_bytes or 1 << 44)
