"""`appliance.env` in the home: settings that hold without being typed each time. The shell's environment wins."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from appliance.base.errors import SetupError
from appliance.base.paths import Home
from appliance.base.settings import PREFIX, Settings, load_settings

FILE_NAME = "appliance.env"


def settings_with_file() -> Settings:
    """Settings of the environment, completed by the home's file; the completed environment reaches every child."""
    home = load_settings().paths
    for name, value in read_environment_file(home).items():
        os.environ.setdefault(name, value)
    return load_settings()


def read_environment_file(home: Home) -> Mapping[str, str]:
    """Names and values of the file; none where there is no file."""
    path = home.root / FILE_NAME
    return parse_environment_file(path) if path.is_file() else {}


def parse_environment_file(path: Path) -> dict[str, str]:
    """`APPLIANCE_NAME=value` per line, quotes and `#` comments as in other .env files; raises SetupError otherwise."""
    values = dotenv_values(path, interpolate=False)
    wrong = sorted(name for name, value in values.items() if value is None or not name.startswith(PREFIX))
    if wrong:
        raise SetupError(
            f"{path} may hold only lines like {PREFIX}NAME=value; these are not: {', '.join(wrong)}.",
            hint="See docs/operations/settings.md for the names.",
        )
    if f"{PREFIX}HOME" in values:
        raise SetupError(f"{path} cannot say where the home is: it lies in it.", hint=f"Remove {PREFIX}HOME there.")
    return {name: value for name, value in values.items() if value is not None}
