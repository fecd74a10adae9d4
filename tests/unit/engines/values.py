"""Launch values that several tests fill templates with."""

from pathlib import Path

from appliance.engines.launch import LaunchValues

VALUES = LaunchValues(
    python=Path("/env/bin/python"),
    pack=Path("/packs/some_pack"),
    weights=Path("/weights"),
    model_name="sails-guide",
    socket=Path("/run/e.sock"),
    max_model_len=512,
    kv_cache_bytes=1 << 28,
    cache=Path("/cache"),
)
