"""What a customer does first, with the unmodified openai client."""

import subprocess

import pytest
from openai import AuthenticationError, BadRequestError, NotFoundError

from tests.fixtures.stack import CHAT, EMBEDDING, RunningStack
from tests.fixtures.waiting import wait_until


def ask(stack: RunningStack, question: str) -> str:
    answer = stack.client().chat.completions.create(
        model=CHAT, messages=[{"role": "user", "content": question}], temperature=0
    )
    return answer.choices[0].message.content or ""


def test_models_are_listed(stack: RunningStack) -> None:
    assert {model.id for model in stack.client().models.list()} == {CHAT, EMBEDDING}


def test_it_answers_about_itself(stack: RunningStack) -> None:
    assert "LLM appliance" in ask(stack, "What is Thousand Sails?")


def test_a_chat_is_streamed_and_its_usage_told_when_asked_for(stack: RunningStack) -> None:
    stream = stack.client().chat.completions.create(
        model=CHAT,
        messages=[{"role": "user", "content": "How do I stop the appliance?"}],
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "appliance down" in text
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    assert all(chunk.model == CHAT for chunk in chunks)


def test_usage_is_not_told_when_not_asked_for(stack: RunningStack) -> None:
    stream = stack.client().chat.completions.create(
        model=CHAT, messages=[{"role": "user", "content": "Hello"}], max_tokens=8, stream=True
    )
    assert all(chunk.choices and chunk.usage is None for chunk in stream)


def test_completions_answer(stack: RunningStack) -> None:
    done = stack.client().completions.create(model=CHAT, prompt="The appliance", max_tokens=5)
    assert done.usage is not None
    assert done.usage.completion_tokens == 5


def test_embeddings_tell_like_from_unlike(stack: RunningStack) -> None:
    texts = ["The ship sails at dawn.", "The boat leaves in the early morning.", "Invoices are due in thirty days."]
    vectors = [item.embedding for item in stack.client().embeddings.create(model=EMBEDDING, input=texts).data]
    assert {len(vector) for vector in vectors} == {384}

    def likeness(left: list[float], right: list[float]) -> float:
        return sum(a * b for a, b in zip(left, right, strict=True))

    assert likeness(vectors[0], vectors[1]) > likeness(vectors[0], vectors[2]) + 0.2


def test_usage_is_counted_once_per_request(stack: RunningStack) -> None:
    key = stack.new_key("counted")
    client = stack.client(key.secret)
    wait_until(lambda: stack.knows(key.secret), seconds=5, what="the gateway knows the new key")
    told = 0
    for _ in range(5):
        answer = client.chat.completions.create(model=CHAT, messages=[{"role": "user", "content": "Hi"}], max_tokens=3)
        assert answer.usage is not None
        told += answer.usage.total_tokens
    wait_until(lambda: stack.usage(key.id)["requests"] == 5, seconds=15, what="five requests are in the ledger")
    counted = stack.usage(key.id)
    assert counted["input_tokens"] + counted["output_tokens"] == told


def test_wrong_requests_get_openais_errors(stack: RunningStack) -> None:
    client = stack.client()
    with pytest.raises(NotFoundError) as unknown:
        client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "x"}])
    assert unknown.value.code == "model_not_found"
    with pytest.raises(BadRequestError) as long:
        client.chat.completions.create(model=CHAT, messages=[{"role": "user", "content": "sail " * 20000}])
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(AuthenticationError) as stranger:
        stack.client("sk-ts-unknown").models.list()
    assert stranger.value.code == "invalid_api_key"
    assert stranger.value.request_id


def test_a_revoked_key_is_refused_within_two_seconds(stack: RunningStack) -> None:
    key = stack.new_key("revoked")
    wait_until(lambda: stack.answers(key.secret), seconds=5, what="the new key works")
    with stack.admin() as admin:
        admin.delete(f"/keys/{key.id}")
    assert wait_until(lambda: not stack.answers(key.secret), seconds=5, what="the revoked key is refused") < 2.5


def test_the_printed_curl_line_works_as_pasted(stack: RunningStack) -> None:
    line = stack.run_json("up")["curl"]
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert '"choices"' in done.stdout, done.stdout + done.stderr


def test_status_is_green_and_up_again_changes_nothing(stack: RunningStack) -> None:
    assert stack.is_green()
    pids = {marked.process.pid for marked in stack.marked("gateway")}
    again = stack.run_json("up", "--ask")
    assert again["seconds"] < 10
    assert {marked.process.pid for marked in stack.marked("gateway")} == pids
    assert "LLM appliance" in again["first_question"]["answer"]
