"""Reading the processor from the kernel's files."""

from pathlib import Path

import pytest

from appliance.hardware.inventory import NumaNode
from appliance.hardware.processor import parse_cpu_list, parse_processor, read_numa_nodes

X86 = """\
processor\t: 0
model name\t: AMD EPYC 9354
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu avx2 fma avx512f

processor\t: 1
model name\t: AMD EPYC 9354
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu avx2 fma avx512f

processor\t: 2
model name\t: AMD EPYC 9354
physical id\t: 1
core id\t\t: 0
flags\t\t: fpu avx2 fma avx512f
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd sve2\nCPU part\t: 0xd4f\n\nprocessor\t: 1\nFeatures\t: fp asimd sve2\n"


def test_threads_of_one_core_count_once() -> None:
    processor = parse_processor(X86, architecture="x86_64", cores=3, numa_nodes=())
    assert (processor.cores, processor.physical_cores) == (3, 2)
    assert processor.name == "AMD EPYC 9354"
    assert set(processor.flags) == {"fpu", "avx2", "fma", "avx512f"}


def test_arm_calls_them_features() -> None:
    processor = parse_processor(ARM, architecture="aarch64", cores=2, numa_nodes=())
    assert "sve2" in processor.flags
    assert processor.physical_cores == 2


@pytest.mark.parametrize(("text", "cores"), [("0-2,5\n", (0, 1, 2, 5)), ("3", (3,)), ("\n", ())])
def test_cpu_lists(text: str, cores: tuple[int, ...]) -> None:
    assert parse_cpu_list(text) == cores


def test_numa_nodes_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for index, cores in ((10, "4-5"), (2, "0-3")):
        folder = tmp_path / f"node{index}"
        folder.mkdir()
        (folder / "cpulist").write_text(f"{cores}\n")
        (folder / "meminfo").write_text(f"Node {index} MemTotal:  2048 kB\nNode {index} MemFree:  1 kB\n")
    assert read_numa_nodes(tmp_path) == (
        NumaNode(index=2, cores=(0, 1, 2, 3), memory_bytes=2 * 1024 * 1024),
        NumaNode(index=10, cores=(4, 5), memory_bytes=2 * 1024 * 1024),
    )


def test_a_kernel_without_numa_has_no_nodes(tmp_path: Path) -> None:
    assert read_numa_nodes(tmp_path) == ()
