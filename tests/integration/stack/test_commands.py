"""The `appliance` command at a terminal, over a running stack: what an operator types on an ordinary day."""

import json

from openai import AuthenticationError, OpenAIError
from openai.types.chat import ChatCompletionUserMessageParam

from tests.fixtures.stack import APPLIANCE, CHAT, EMBEDDING, RunningStack
from tests.fixtures.terminal import CTRL_C, CTRL_D, at_a_terminal
from tests.fixtures.waiting import wait_until

STOPPED_BY_USER = 130
SECOND = "guide-2"
PACK = "llamacpp-cpu"


def test_a_key_is_created_listed_and_revoked(stack: RunningStack) -> None:
    made = stack.run_json("keys", "create", "by command", "--model", CHAT, "--days", "2")
    wait_until(lambda: stack.answers(made["secret"]), seconds=5, what="the new key works")
    assert stack.run("keys", "revoke", made["id"]).stdout == f"by command ({made['id']}) is revoked.\n"

    def refused() -> bool:
        try:
            stack.client(made["secret"]).models.list()
        except AuthenticationError:
            return True
        return False

    assert wait_until(refused, seconds=5, what="the revoked key is refused") < 2.5
    listed = {key["id"] for key in stack.run_json("keys", "list")["keys"]}
    with_revoked = {key["id"] for key in stack.run_json("keys", "list", "--revoked")["keys"]}
    assert made["id"] in with_revoked - listed
    assert made["secret"] not in stack.run("keys", "list", "--revoked").stdout


def test_what_is_not_there_is_said_in_a_sentence(stack: RunningStack) -> None:
    for words in (("keys", "revoke", "key-" + "0" * 32), ("serve", "stop", "nothing"), ("logs", "nobody")):
        done = stack.run(*words)
        assert done.returncode == 1
        assert done.stderr.strip()
        assert "Traceback" not in done.stderr


def test_a_model_is_deployed_scaled_and_stopped(stack: RunningStack) -> None:
    """The second name shares the first one's weights and runs on another engine beside it. It starts with no replica so
    that each step can be seen.
    """
    stack.wait_green("before")
    assert stack.run("serve", "deploy", SECOND, "--model", CHAT, "--pack", PACK, "--replicas", "0").returncode == 0
    assert served(stack, SECOND)["desired_replicas"] == 0
    assert stack.run("serve", "scale", SECOND, "1").stdout == f"{SECOND} goes to 1 replicas.\n"
    wait_until(lambda: answers_as(stack, SECOND), seconds=300, what="the second name answers", every=1.0)
    assert ask(stack, SECOND) == ask(stack, CHAT)
    assert stack.run("serve", "stop", SECOND).returncode == 0
    wait_until(lambda: SECOND not in listed_models(stack), seconds=30, what="the name is gone")
    wait_until(lambda: len(stack.run_json("serve", "list")["served_models"]) == 2, seconds=120, what="it has stopped")
    assert stack.answers()
    stack.wait_green("after")


def ask(stack: RunningStack, model: str) -> str:
    """The two engines agree: the model is as sure of this answer as it can be."""
    question = [ChatCompletionUserMessageParam(role="user", content="What is Thousand Sails?")]
    answer = stack.client().chat.completions.create(model=model, messages=question, temperature=0)
    return answer.choices[0].message.content or ""


def served(stack: RunningStack, name: str) -> dict[str, int]:
    return next(row for row in stack.run_json("serve", "list")["served_models"] if row["name"] == name)


def listed_models(stack: RunningStack) -> set[str]:
    return {model.id for model in stack.client().models.list()}


def answers_as(stack: RunningStack, name: str) -> bool:
    try:
        stack.client().completions.create(model=name, prompt="The appliance", max_tokens=2)
    except OpenAIError:
        return False
    return True


def test_one_question_is_answered_with_its_speed(stack: RunningStack) -> None:
    done = stack.run("chat", "What is Thousand Sails?")
    assert "LLM appliance" in done.stdout
    assert "tokens/s" in done.stdout
    assert "no-such-model" in stack.run("chat", "--model", "no-such-model", "Hello").stderr


def test_a_conversation_goes_on_until_it_is_ended(stack: RunningStack) -> None:
    for ending in ("exit\n", CTRL_D):
        with at_a_terminal([str(APPLIANCE), "chat"], environ=stack.environ) as terminal:
            terminal.expect("> ")
            terminal.type("What is Thousand Sails?\n")
            terminal.expect("LLM appliance")
            terminal.expect("tokens/s")
            terminal.expect("> ")
            terminal.type(ending)
            assert terminal.wait() == 0


def test_logs_are_followed_until_ctrl_c(stack: RunningStack) -> None:
    with at_a_terminal([str(APPLIANCE), "logs", "-f", "-n", "0", "gateway"], environ=stack.environ) as terminal:
        for _ in range(20):  # until it follows, what is written is not shown
            stack.answers("sk-ts-nobody")
            terminal.look(0.5)
            if "request_refused" in terminal.shown:
                break
        terminal.expect("request_refused")
        terminal.type(CTRL_C)
        assert terminal.wait() == STOPPED_BY_USER
        assert "Traceback" not in terminal.shown


def test_status_is_watched_until_ctrl_c(stack: RunningStack) -> None:
    stack.wait_green("before")
    with at_a_terminal([str(APPLIANCE), "status", "--watch"], environ=stack.environ) as terminal:
        for _ in range(2):
            terminal.expect("All is well.")
            terminal.expect("Served models")
        terminal.type(CTRL_C)
        assert terminal.wait() == STOPPED_BY_USER


def test_facts_are_printed_as_one_document(stack: RunningStack) -> None:
    assert {entry["id"] for entry in stack.run_json("models")["catalogue"]} >= {CHAT, EMBEDDING}
    assert stack.run_json("hardware")["nodes"][0]["state"] == "ready"
    assert stack.run_json("version")["home_format"] >= 1
    findings = stack.run_json("doctor")["findings"]
    assert not [finding for finding in findings if finding["level"] == "fail"], json.dumps(findings, indent=1)
