"""The environment of every process we start: an allow-list, and the switches that keep the box quiet."""

import os
from collections.abc import Mapping

HOME_MARK = "TS_HOME_KEY"
SERVICE_MARK = "TS_SERVICE"
"""Every process of an appliance carries its home's key and its service's name, so that strays can be told and ended."""

PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH"),
    *(HOME_MARK, SERVICE_MARK),
)

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "NO_PROXY": "localhost,127.0.0.1,::1",
    "no_proxy": "localhost,127.0.0.1,::1",
    "PYTHONUNBUFFERED": "1",
    # A process that writes its title over its environment (vLLM's do) would lose the marks of its home and service.
    "SPT_NOENV": "1",
}


def child_env(extra: Mapping[str, str] | None = None, *, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The allowed part of `environ`, every `APPLIANCE_` setting, the quiet switches, then `extra`."""
    kept = {key: value for key, value in environ.items() if key in PASSED_ON or key.startswith("APPLIANCE_")}
    return {**kept, **QUIET, **(extra or {})}


def engine_env(extra: Mapping[str, str], *, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For an engine: like `child_env` but without the appliance's settings, so that it never inherits its parent's."""
    kept = {key: value for key, value in environ.items() if key in PASSED_ON}
    return {**kept, **QUIET, **extra}
