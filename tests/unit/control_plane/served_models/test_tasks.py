"""Models that are listed although nothing serves them yet are refused with a sentence."""

import pytest

from appliance.base.errors import BadRequest
from appliance.engines.pack import load_pack, pack_names
from control_plane.served_models.service import require_installed, require_served
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


def test_the_catalogue_and_the_packs_mean_the_same_tasks() -> None:
    assert {task for name in pack_names() for task in load_pack(name).tasks} == SERVED_TASKS


def test_what_no_installed_pack_does_is_refused_with_those_that_would() -> None:
    require_installed([], task="rerank")
    require_installed(["of-a-newer-release"], task="rerank")
    require_installed(["llamacpp-cpu", "vllm-cpu"], task="rerank")
    with pytest.raises(BadRequest, match="No engine pack that is installed here serves models for rerank") as refused:
        require_installed(["llamacpp-cpu"], task="rerank")
    assert "vllm-cpu" in str(refused.value.hint)
