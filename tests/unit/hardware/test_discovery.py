"""The whole inventory of the machine that runs the tests."""

import subprocess
import sys

from pydantic import TypeAdapter

from appliance.hardware.discovery import discover
from appliance.hardware.inventory import Inventory, to_json
from appliance.hardware.vendors.registry import REGISTRY, package_folder


def test_this_machine_has_a_processor_that_engines_can_run_on() -> None:
    inventory = discover()
    assert [one.family for one in inventory.accelerators if one.family == "cpu"] == ["cpu"]
    assert inventory.processor.cores > 0
    assert 0 < inventory.memory.available_bytes <= inventory.memory.total_bytes
    assert inventory.accelerators[0].memory_bytes <= inventory.memory.total_bytes


def test_an_inventory_travels_as_json() -> None:
    inventory = discover()
    assert TypeAdapter(Inventory).validate_json(to_json(inventory)) == inventory


def test_a_vendors_process_imports_no_pydantic() -> None:
    """It would take longer than all else that the process does, and every vendor has one."""
    modules = ", ".join(["appliance.hardware.probe", *(entry.path for entry in REGISTRY)])
    program = f"import sys, {modules}; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=package_folder()).returncode == 0
