"""`/v1/responses` end to end: the real gateway, a fake engine, the real control plane over a real database."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest
import uvicorn
from fastapi import FastAPI
from openai import OpenAI

from appliance.base.contracts.snapshot import SnapshotKey
from appliance.base.ids import new_uuid, public_id
from appliance.base.secret_files import Secret, read_secret, write_secret
from appliance.base.settings import Settings
from control_plane.database.session import SessionFactory, transaction
from control_plane.tenants.service import default_project
from control_plane.tenants.tables import Project
from tests.fixtures.gateway import CHAT_MODEL, KEY, NARROW_KEY, GatewayBox, digest, gateway_box_in, snapshot
from tests.fixtures.waiting import wait_until

OTHER_PROJECT = NARROW_KEY
TOOL: Any = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}


@dataclass
class ControlPlaneServer:
    """The admin API on the gateway's socket, in a thread."""

    application: FastAPI
    socket: str
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None

    def start(self) -> None:
        config = uvicorn.Config(self.application, uds=self.socket, log_config=None, lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        wait_until(lambda: self.server is not None and self.server.started, what="the API listens", seconds=10)

    def stop(self) -> None:
        assert self.server is not None
        assert self.thread is not None
        self.server.should_exit = True
        self.thread.join(10)


@dataclass
class Both:
    gateway: GatewayBox
    control_plane: ControlPlaneServer

    @property
    def client(self) -> OpenAI:
        return self.gateway.openai()


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
    application: FastAPI,
    database_settings: Settings,
    session_factory: SessionFactory,
) -> Iterator[Both]:
    with transaction(session_factory) as session:
        ours = default_project(session)
        theirs = Project(organization_id=ours.organization_id, name="theirs")
        session.add(theirs)
        session.flush()
        projects = {KEY: ours.id, OTHER_PROJECT: theirs.id}
    keys = tuple(
        SnapshotKey(key_id=public_id("key", new_uuid()), digest=digest(secret), project_id=public_id("proj", project))
        for secret, project in projects.items()
    )
    with gateway_box_in(tmp_path_factory.mktemp("both")) as box:
        write_secret(database_settings.paths, Secret.FORWARD_KEY, read_secret(box.home, Secret.FORWARD_KEY))
        box.put_snapshot(snapshot(2, keys=keys))
        box.restart()
        control_plane = ControlPlaneServer(application, str(box.home.api_socket))
        control_plane.start()
        yield Both(box, control_plane)
        control_plane.stop()


def test_a_conversation_goes_on_by_the_id_of_its_last_response(both: Both) -> None:
    first = both.client.responses.create(model=CHAT_MODEL, input="I am Ada.", metadata={"a": "b"})
    assert (first.output_text, first.status) == ("word " * 5, "completed")
    second = both.client.responses.create(model=CHAT_MODEL, input="Who am I?", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    both.client.responses.create(
        model=CHAT_MODEL, input="And now?", previous_response_id=second.id, instructions="Be brief."
    )
    asked = both.gateway.engine.seen[-1].body["messages"]
    said = [("system", "Be brief."), ("user", "I am Ada."), ("assistant", "word " * 5), ("user", "Who am I?")]
    said += [("assistant", "word " * 5), ("user", "And now?")]
    assert [(message["role"], message["content"]) for message in asked] == said


def test_a_streamed_response_is_stored_before_it_ends(both: Both) -> None:
    fake = {"fake": {"reasoning": "hm hm", "calls": 1, "tokens": 2}}
    with both.client.responses.stream(model=CHAT_MODEL, input="weather?", tools=[TOOL], extra_body=fake) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert [item.type for item in final.output] == ["reasoning", "function_call", "message"]
    kept = both.client.responses.retrieve(final.id)
    assert [item.to_dict()["id"] for item in kept.output] == [item.to_dict()["id"] for item in final.output]
    call = next(item for item in final.output if item.type == "function_call")
    both.client.responses.create(
        model=CHAT_MODEL,
        previous_response_id=final.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "rain"}],
    )
    asked = both.gateway.engine.seen[-1].body["messages"]
    assert [message["role"] for message in asked] == ["user", "assistant", "assistant", "tool"]
    assert asked[-1]["content"] == "rain"


def test_input_items_are_listed_and_a_response_is_deleted(both: Both) -> None:
    made = both.client.responses.create(
        model=CHAT_MODEL, input=[{"role": "user", "content": "one"}, {"role": "user", "content": "two"}]
    )
    items = list(both.client.responses.input_items.list(made.id, limit=1, order="asc"))
    assert [item.content[0].text for item in items] == ["one", "two"]  # pyright: ignore
    with pytest.raises(openai.BadRequestError, match="background"):
        both.client.responses.cancel(made.id)
    both.client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        both.client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError) as caught:
        both.client.responses.create(model=CHAT_MODEL, input="x", previous_response_id=made.id)
    assert (caught.value.param, caught.value.code) == ("previous_response_id", "previous_response_not_found")


def test_a_gap_in_the_conversation_is_said(both: Both) -> None:
    first = both.client.responses.create(model=CHAT_MODEL, input="one")
    second = both.client.responses.create(model=CHAT_MODEL, input="two", previous_response_id=first.id)
    both.client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        both.client.responses.create(model=CHAT_MODEL, input="three", previous_response_id=second.id)


def test_another_project_sees_nothing_of_it(both: Both) -> None:
    made = both.client.responses.create(model=CHAT_MODEL, input="secret")
    stranger = both.gateway.openai(OTHER_PROJECT)
    with pytest.raises(openai.NotFoundError):
        stranger.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        stranger.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        stranger.responses.create(model=CHAT_MODEL, input="x", previous_response_id=made.id)
    assert both.client.responses.retrieve(made.id).id == made.id


def test_without_store_nothing_is_kept(both: Both) -> None:
    made = both.client.responses.create(model=CHAT_MODEL, input="x", store=False)
    with pytest.raises(openai.NotFoundError):
        both.client.responses.retrieve(made.id)


def test_nobody_signs_for_himself(both: Both) -> None:
    made = both.client.responses.create(model=CHAT_MODEL, input="x")
    with both.gateway.client() as client:
        forged = {"x-ts-principal": "1 1 req-1 key-1 proj-1 - 00"}
        assert client.get(f"/v1/responses/{made.id}", headers=forged).status_code == 401
    with both.gateway.client(OTHER_PROJECT) as client:
        assert client.get(f"/v1/responses/{made.id}", headers=forged).status_code == 404


def test_without_the_control_plane_answers_go_on_unstored(both: Both) -> None:
    made = both.client.responses.create(model=CHAT_MODEL, input="x")
    both.control_plane.stop()
    try:
        with both.gateway.client(KEY) as client:
            away = client.get(f"/v1/responses/{made.id}")
            chained = {"model": CHAT_MODEL, "input": "x", "previous_response_id": made.id}
            goes_not_on = client.post("/v1/responses", json=chained)
        for answer in (away, goes_not_on):
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
            assert int(answer.headers["retry-after"]) >= 1
        plain = both.client.responses.create(model=CHAT_MODEL, input="x")
        assert (plain.output_text, plain.to_dict()["store"]) == ("word " * 5, False)
    finally:
        both.control_plane.start()
    assert both.client.responses.retrieve(made.id).id == made.id
