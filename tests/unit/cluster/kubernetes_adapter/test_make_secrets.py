"""The hook Job: a Secret is made once, completed, and never changed."""

from typing import Any

import pytest

from appliance.base.secret_files import Secret
from control_plane.cluster.kubernetes_adapter.kube_api import KubeApi
from control_plane.cluster.kubernetes_adapter.make_secrets import make_secrets
from control_plane.cluster.port import ClusterRefused
from control_plane.keys.domain import parse_key_secret

EVERY_KEY = {secret.value for secret in Secret}


def test_a_missing_secret_is_made_whole(fake: Any, api: KubeApi) -> None:
    assert make_secrets(api, name="box-secrets") == EVERY_KEY
    values = fake.secrets["box-secrets"]
    assert values.keys() == EVERY_KEY
    assert len(set(values.values())) == len(EVERY_KEY)
    assert all(len(value) >= 40 for value in values.values())
    assert parse_key_secret(values["first_api_key"])


def test_a_second_run_changes_nothing(fake: Any, api: KubeApi) -> None:
    make_secrets(api, name="box-secrets")
    before = dict(fake.secrets["box-secrets"])
    fake.log.clear()
    assert make_secrets(api, name="box-secrets") == set()
    assert fake.secrets["box-secrets"] == before
    assert [line.split()[0] for line in fake.log] == ["GET"]


def test_an_upgrade_adds_what_is_missing_and_keeps_the_rest(fake: Any, api: KubeApi) -> None:
    fake.secrets["box-secrets"] = {"postgres_password": "kept"}
    assert make_secrets(api, name="box-secrets") == EVERY_KEY - {"postgres_password"}
    assert fake.secrets["box-secrets"]["postgres_password"] == "kept"
    assert fake.secrets["box-secrets"].keys() == EVERY_KEY


def test_missing_rights_are_a_sentence(fake: Any, api: KubeApi) -> None:
    fake.refuse_with = 403
    with pytest.raises(ClusterRefused, match="does not let us read the Secret box-secrets"):
        make_secrets(api, name="box-secrets")
