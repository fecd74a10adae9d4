"""Which logical CPUs engines may be bound to."""

from pathlib import Path

from appliance.hardware.cores import SIBLINGS, bindable_cores


def machine(root: Path, **siblings: str) -> Path:
    for name, text in siblings.items():
        path = root / SIBLINGS.format(number=name.removeprefix("cpu"))
        path.parent.mkdir(parents=True)
        path.write_text(text + "\n")
    return root


def test_one_thread_of_each_core_is_taken(tmp_path: Path) -> None:
    root = machine(tmp_path, cpu0="0,2", cpu1="1,3", cpu2="0,2", cpu3="1,3")
    assert bindable_cores(root, allowed={0, 1, 2, 3}) == {0, 1}


def test_a_core_whose_first_thread_is_not_ours_counts_by_its_second(tmp_path: Path) -> None:
    root = machine(tmp_path, cpu2="0,2", cpu3="1,3", cpu1="1,3")
    assert bindable_cores(root, allowed={1, 2, 3}) == {1, 2}


def test_a_kernel_that_does_not_tell_siblings(tmp_path: Path) -> None:
    assert bindable_cores(tmp_path, allowed={4, 5}) == {4, 5}


def test_this_machine_has_some() -> None:
    assert bindable_cores()
