"""From one box to another without a network: the bundled model exported, carried to an empty home, taken in and served;
the same weights sealed by a vendor, licensed to that home only, serving there and refused on any other.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from appliance.base.paths import PROJECT_ROOT, Home
from tests.fixtures.second_home import CARRIED, SEALED, Errand, ask, done, reason_of, served_names, vendor
from tests.fixtures.stack import CHAT, TEST_ROOT, RunningStack, stack_environment
from tests.fixtures.waiting import wait_until

WEIGHTS = PROJECT_ROOT / "model_catalog" / "bundled" / "sails_guide" / "weights"


def can_unshare() -> bool:
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0


def errand(stack: RunningStack, folder: Path) -> Errand:
    """What the carrier brings along: the export and its signer's key, the sealed folder, and the vendor himself."""
    artifact, key, sealed = folder / "artifact", folder / "first-box.pem", folder / "sealed"
    root, vault = folder / "root", folder / "vault"
    done(stack, "weights", "export", CHAT, str(artifact))
    done(stack, "weights", "signing-keys", "show", "--out", str(key))
    fingerprint = vendor("keygen", "root", "--root", str(root), "--name", "Example Models").splitlines()[-1]
    vendor("keygen", "issuer", "--root", str(root), "--vault", str(vault))
    said = vendor("seal", str(WEIGHTS), str(sealed), "--vault", str(vault), "--name", "guide")
    return Errand(
        home=str(TEST_ROOT / "home-carried"),
        artifact=str(artifact),
        key=str(key),
        sealed=str(sealed),
        sealed_digest=said.rsplit(" ", 1)[-1].strip(),
        root=str(root / "vendor.root"),
        root_fingerprint=fingerprint,
        vault=str(vault),
        licence=str(folder / "second-box.licence"),
    )


@pytest.mark.skipif(not can_unshare(), reason="this machine allows no network namespaces")
def test_a_model_is_carried_and_a_sealed_one_stays_with_its_licence(stack: RunningStack, tmp_path: Path) -> None:
    carrier = errand(stack, tmp_path)
    document = tmp_path / "errand.json"
    document.write_text(json.dumps(asdict(carrier)))
    home = Path(carrier.home)
    shutil.rmtree(home, ignore_errors=True)
    wrapper = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    outcome = subprocess.run(
        [*wrapper, sys.executable, "-m", "tests.fixtures.second_home", str(document)],
        cwd=PROJECT_ROOT, env=stack_environment(home), capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    shutil.rmtree(Home(home).run, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
    assert outcome.returncode == 0, outcome.stdout[-2000:] + outcome.stderr[-6000:]
    seen = json.loads(outcome.stdout.splitlines()[-1])
    assert seen["names_before"] == [], "the second home was not empty"
    assert seen["carried"] == seen["sealed"] == ask(stack, CHAT)
    assert "licence" in seen["refused_without_licence"]
    assert seen["outside_tries"] == 0, "something tried to reach an outside address"
    refused_here(stack, carrier)


def refused_here(stack: RunningStack, carrier: Errand) -> None:
    """A third box, with the same sealed files and the other one's licence."""
    done(stack, "weights", "import", SEALED, carrier.sealed)
    done(stack, "serve", "deploy", SEALED, "--pack", "vllm-cpu")
    done(stack, "licence", "trust", carrier.root, "--fingerprint", carrier.root_fingerprint)
    applied = stack.run("licence", "apply", carrier.licence)
    assert applied.returncode != 0
    assert "another" in applied.stdout + applied.stderr
    wait_until(lambda: "licence" in reason_of(stack, SEALED), seconds=60, what="it still asks for a licence")
    assert not stack.answers(model=SEALED)
    done(stack, "serve", "stop", SEALED)
    wait_until(lambda: SEALED not in served_names(stack), seconds=120, what="it has stopped")
    assert CARRIED not in served_names(stack)
