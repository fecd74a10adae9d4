"""`appliance licence`: how licences are shown, and which files are sent at all."""

from pathlib import Path
from typing import Any

import pytest

from appliance.base.errors import SetupError
from appliance.licences.envelope import LARGEST_BYTES
from installer.commands.licence import facts, row, text_of


def licence(**changed: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": "lic-1",
        "customer": "[b]Bank",
        "vendor": "Weights Ltd",
        "state": "clock_suspect",
        "state_reason": "The clock is 365 days behind.",
        "not_before": 1793491200,
        "not_after": 1825027200,
        "grace_days": 14,
        "cards_in_use": 3,
        "max_cards": 8,
        "nodes_in_use": 1,
        "max_nodes": 2,
        "accelerator_families": [],
        "features": [],
        "box_id": "node-1",
        "artifacts": [{"name": "big", "digest": "ab" * 32}],
    }
    return {**plain, **changed}


def test_a_row_says_state_term_and_cards_and_takes_nothing_for_markup() -> None:
    shown = row(licence())
    assert shown == ["lic-1", r"\[b]Bank", "Weights Ltd", "[yellow]clock suspect[/]", "2027-11-01", "3 of 8", "big"]
    assert row(licence(state="revoked"))[3] == "[red]revoked[/]"
    assert row(licence(state="valid"))[3] == "[green]valid[/]"


def test_all_facts_of_one() -> None:
    told = {str(name): value for name, value in facts(licence(accelerator_families=["cuda", "maca"]))}
    assert told["cards"] == "3 of 8 in use; families: cuda, maca"
    assert told["term"] == "2026-11-01 to 2027-11-01, 14 days of grace"
    assert str(told["artifact"]).endswith("ab" * 32)


def test_files_that_cannot_be_licences_are_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(SetupError, match="cannot be read"):
        text_of(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SetupError, match="no licence file"):
        text_of(path)
    path.write_bytes(b"a" * (LARGEST_BYTES + 1))
    with pytest.raises(SetupError, match="larger"):
        text_of(path)
    path.write_bytes("thousand-sails licence 1 ed25519\n名".encode())
    assert text_of(path).endswith("名")
