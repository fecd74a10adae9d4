"""Settings refuse what is misspelt and say which setting is wrong."""

import pytest

from appliance.base.errors import SetupError
from appliance.base.settings import known_variables, load_settings


def test_a_misspelt_variable_is_named() -> None:
    with pytest.raises(SetupError, match="APPLIANCE_HTPP__PORT"):
        load_settings({"APPLIANCE_HTPP__PORT": "1"})


def test_a_wrong_value_names_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HTTP__PORT", "99999")
    with pytest.raises(SetupError, match="APPLIANCE_HTTP__PORT"):
        load_settings()


def test_groups_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HTTP__PORT", "8181")
    assert load_settings().http.port == 8181


def test_known_variables_hold_groups_and_plain_fields() -> None:
    assert {"APPLIANCE_HOME", "APPLIANCE_HTTP__PORT", "APPLIANCE_JOBS__LEASE_SECONDS"} <= known_variables()
