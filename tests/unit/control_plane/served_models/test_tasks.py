"""Models that are listed although nothing serves them yet are refused with a sentence."""

import pytest

from appliance.base.errors import BadRequest
from control_plane.served_models.service import require_served
from model_catalog.catalogue import load_catalogue
from model_catalog.vocabulary import SERVED_TASKS


def test_what_no_pack_serves_is_refused_with_what_it_is_for() -> None:
    for entry in load_catalogue().values():
        if entry.task in SERVED_TASKS:
            require_served(entry.task, model=entry.name)
            continue
        with pytest.raises(BadRequest, match=f"{entry.name} is for .*, which no engine pack serves yet") as refused:
            require_served(entry.task.value, model=entry.name)
        assert refused.value.error_code == "task_not_served"
        assert "_" not in refused.value.message.split(" is for ")[1]
