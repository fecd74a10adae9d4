"""The plug-in of vLLM that loads sealed weights: `--load-format sails-sealed`.

vLLM finds it by the entry point in the `.dist-info` folder beside (docs.vllm.ai, "Plugin System"), and calls `register`
in each of its processes where `VLLM_PLUGINS` names it. What it uses of the appliance needs `cryptography` and the
standard library only. Nothing of ours imports it: it needs the engine's packages.
"""
# Its libraries are in the engine's environment only.
# pyright: basic, reportMissingImports=false

import importlib.util
import os
import sys
from pathlib import Path

from sails_sealed.inheritance import DESCRIPTOR, pass_on

LOAD_FORMAT = "sails-sealed"
APPLIANCE = Path(__file__).resolve().parents[4]


def register() -> None:
    """Called by vLLM, more than once in a process that forks."""
    find_appliance()
    pass_on(int(os.environ[DESCRIPTOR]))
    from vllm.model_executor.model_loader import register_model_loader  # noqa: PLC0415  not before vLLM calls us

    from sails_sealed.loader import SealedLoader  # noqa: PLC0415  imports `appliance`

    register_model_loader(LOAD_FORMAT)(SealedLoader)


def find_appliance() -> None:
    """Make `appliance` importable by its own folder: to put the folder above it on the path would bring all packages
    of the appliance's environment into the engine's."""
    if "appliance" in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(
        "appliance", APPLIANCE / "__init__.py", submodule_search_locations=[str(APPLIANCE)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules["appliance"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
