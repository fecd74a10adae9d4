"""`appliance nodes`: which node is meant, and how one is shown."""

from typing import Any

import pytest

from appliance.base.errors import SetupError
from installer.commands.nodes import chosen, row


def node(node_id: str, hostname: str, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "hostname": hostname, **more}


NODES = [node("node-1", "rack-1"), node("node-2", "rack-2"), node("node-3", "rack-2")]


@pytest.mark.parametrize(("name", "node_id"), [("rack-1", "node-1"), ("node-3", "node-3")])
def test_a_node_is_named_by_its_id_or_its_hostname(name: str, node_id: str) -> None:
    assert chosen(NODES, name) == node_id


def test_an_unknown_name_and_a_shared_one_are_refused_with_a_sentence() -> None:
    with pytest.raises(SetupError, match="There is no node 'rack-9'"):
        chosen(NODES, "rack-9")
    with pytest.raises(SetupError, match="2 nodes are called rack-2: node-2, node-3"):
        chosen(NODES, "rack-2")


def test_a_row_counts_cards_and_takes_nothing_for_markup() -> None:
    def card(name: str, *, present: bool = True, family: str = "maca") -> dict[str, Any]:
        return {"family": family, "name": name, "present": present}

    shown = row(
        node(
            "node-1",
            "[b]rack",
            address="10.0.0.1",
            state="draining",
            desired_state="draining",
            accelerators=[
                card("Xeon", family="cpu"),
                card("C500"),
                card("C500"),
                card("C550"),
                card("C500", present=False),
            ],
        )
    )
    assert shown[1:] == [
        r"\[b]rack",
        "10.0.0.1",
        "[yellow]draining[/]",
        "draining",
        "2 × C500, 1 × C550, 1 gone",
    ]
