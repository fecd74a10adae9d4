"""The whole inventory of the machine that runs the tests."""

from pydantic import TypeAdapter

from appliance.hardware.discovery import discover
from appliance.hardware.inventory import Inventory, to_json


def test_this_machine_has_a_processor_that_engines_can_run_on() -> None:
    inventory = discover()
    assert [one.family for one in inventory.accelerators if one.family == "cpu"] == ["cpu"]
    assert inventory.processor.cores > 0
    assert 0 < inventory.memory.available_bytes <= inventory.memory.total_bytes
    assert inventory.accelerators[0].memory_bytes <= inventory.memory.total_bytes


def test_an_inventory_travels_as_json() -> None:
    inventory = discover()
    assert TypeAdapter(Inventory).validate_json(to_json(inventory)) == inventory
