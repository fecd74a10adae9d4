"""How the private PostgreSQL is called."""

import os
from pathlib import Path

import pytest

from appliance.base.paths import Home
from appliance.base.postgres import find_postgres_binaries, pg_hba_conf, postgres_command, postgresql_conf
from appliance.base.unprivileged import unprivileged


def test_the_wheel_carries_version_18_with_pgvector() -> None:
    binaries = find_postgres_binaries()
    assert (binaries / "initdb").is_file()
    assert (binaries.parent / "share" / "postgresql" / "extension" / "vector.control").is_file()


def test_nobody_gets_in_over_the_network_or_without_a_password(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert "listen_addresses = ''" in postgresql_conf(home)
    assert str(home.postgres_socket_dir) in postgresql_conf(home)
    rules = [line for line in pg_hba_conf().splitlines() if line and not line.startswith("#")]
    assert rules == ["local all all scram-sha-256"]


def test_root_is_mapped_away_and_others_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged(["postgres", "-D", "x"]) == ["postgres", "-D", "x"]
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert unprivileged(["postgres"]) == ["unshare", "-U", "--map-user=65534", "--map-group=65534", "postgres"]
    assert postgres_command(Home(tmp_path))[-2:] == ["-D", str(tmp_path / "postgres")]
