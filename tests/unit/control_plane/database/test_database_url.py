"""Where the registry is looked for."""

from pathlib import Path

import pytest

from appliance.base.secret_files import Secret, write_secret
from appliance.base.settings import Settings
from control_plane.database.session import database_url


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "secrets").mkdir()
    made = Settings.model_validate({"home": tmp_path})
    write_secret(made.paths, Secret.POSTGRES_PASSWORD, "swordfish")
    return made


def test_unset_it_is_our_own_server_over_its_socket(settings: Settings) -> None:
    url = database_url(settings)
    assert (url.username, url.password, url.database, url.host) == ("appliance", "swordfish", "appliance", None)
    assert url.query["host"] == str(settings.paths.postgres_socket_dir)


def test_a_cluster_gives_an_address_and_the_password_stays_a_file(settings: Settings) -> None:
    database = settings.database.model_copy(update={"url": "postgresql://ts@pg:5433/registry"})
    url = database_url(settings.model_copy(update={"database": database}))
    assert url.render_as_string(hide_password=False) == "postgresql+psycopg://ts:swordfish@pg:5433/registry"
    assert "swordfish" not in str(url)
