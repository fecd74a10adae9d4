"""Unit tests see none of the settings under which the tests run."""

import os

import pytest

from appliance.base.settings import PREFIX


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
