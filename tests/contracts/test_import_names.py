"""No locked package provides an import name of ours (a popular package imports as `installer`)."""

import re
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = {"appliance", "control_plane", "installer", "model_catalog"}


def locked_names(lock: Path) -> set[str]:
    return {match[1].lower() for match in re.finditer(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE)}


def test_no_installed_package_but_ours_provides_our_names() -> None:
    providers = packages_distributions()
    strangers = {name: [d for d in providers.get(name, []) if d != "thousand-sails"] for name in OURS}
    assert not any(strangers.values()), strangers


def test_the_package_named_installer_is_in_no_lock() -> None:
    locks = [*sorted((ROOT / "locks").glob("*.txt")), *sorted((ROOT / "appliance/engines/packs").rglob("*.txt"))]
    assert locks
    assert not [lock.name for lock in locks if locked_names(lock) & {"installer", "appliance"}]
