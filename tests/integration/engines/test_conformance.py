"""Both packs that run on a CPU keep every promise, on the real engines and the real weights."""

import pytest

from appliance.base.settings import load_settings
from appliance.engines.conformance.suite import run_suite
from appliance.engines.pack import load_pack


@pytest.mark.parametrize(
    ("name", "quantization"), [("llamacpp-cpu", None), ("llamacpp-cpu", "q8_0"), ("vllm-cpu", None)]
)
def test_the_pack_passes_the_conformance_suite(name: str, quantization: str | None) -> None:
    report = run_suite(load_pack(name), engines_dir=load_settings().engines_dir, quantization=quantization)
    assert [outcome for outcome in report.outcomes if not outcome.passed] == []
