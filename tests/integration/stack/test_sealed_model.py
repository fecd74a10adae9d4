"""A proprietary model from the vendor's desk to an answer: sealed, asked for, licensed, imported, served; the same
weights as the bundled model's, so that the answers can be compared.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.base.child_env import child_env
from appliance.base.paths import PROJECT_ROOT
from tests.fixtures.stack import CHAT, RunningStack
from tests.fixtures.waiting import wait_until

WEIGHTS = PROJECT_ROOT / "model_catalog" / "bundled" / "sails_guide" / "weights"
SEALED = "sealed-guide"


def vendor(*arguments: str) -> str:
    command = [sys.executable, "-m", "appliance.vendor", *arguments]
    done = subprocess.run(command, env=child_env({}), cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def done(stack: RunningStack, *arguments: str) -> str:
    outcome = stack.run(*arguments)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.fixture
def artifact(tmp_path: Path) -> tuple[Path, str, str]:
    """The sealed folder, its digest, and the fingerprint of the vendor's root."""
    root, vault, out = str(tmp_path / "root"), str(tmp_path / "vault"), tmp_path / "artifact"
    fingerprint = vendor("keygen", "root", "--root", root, "--name", "Example Models").splitlines()[-1]
    vendor("keygen", "issuer", "--root", root, "--vault", vault)
    said = vendor("seal", str(WEIGHTS), str(out), "--vault", vault, "--name", "guide")
    return out, said.rsplit(" ", 1)[-1].strip(), fingerprint


def test_a_sealed_model_is_served_with_its_licence_only(
    stack: RunningStack, artifact: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder, digest, fingerprint = artifact
    done(stack, "weights", "import", SEALED, str(folder), "--wait")
    done(stack, "serve", "deploy", SEALED, "--pack", "vllm-cpu")
    wait_until(lambda: "licence" in reason(stack), seconds=60, what="it asks for a licence")
    request, licence = tmp_path / "box.request", tmp_path / "box.licence"
    done(stack, "licence", "trust", str(tmp_path / "root" / "vendor.root"), "--fingerprint", fingerprint)
    done(stack, "licence", "request", "--out", str(request))
    terms = ["--customer", "Test Bank", "--artifact", digest]
    vendor("issue", str(request), str(licence), "--vault", str(tmp_path / "vault"), *terms)
    done(stack, "licence", "apply", str(licence))
    wait_until(lambda: stack.answers(model=SEALED), seconds=300, what=lambda: reason(stack), every=1.0)
    question = "What is Thousand Sails?"
    assert ask(stack, SEALED, question) == ask(stack, CHAT, question)
    done(stack, "serve", "stop", SEALED)
    wait_until(lambda: SEALED not in served(stack), seconds=120, what="it has stopped, and given its seat back")
    assert stack.answers()


def served(stack: RunningStack) -> list[str]:
    return [row["name"] for row in stack.run_json("serve", "list")["served_models"]]


def reason(stack: RunningStack) -> str:
    rows = stack.run_json("serve", "list")["served_models"]
    return next((str(row["observed_reason"]) for row in rows if row["name"] == SEALED), "")


def ask(stack: RunningStack, model: str, question: str) -> str | None:
    answer = stack.client().chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], temperature=0
    )
    return answer.choices[0].message.content
