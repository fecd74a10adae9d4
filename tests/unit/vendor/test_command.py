"""The vendor's command from keys to a licence that opens, and back to its revocation."""

import json
import re
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from appliance.base import clock
from appliance.licences.chain import read_licence, read_revocations, read_root
from appliance.licences.wrapping import unwrap
from appliance.vendor import artifacts
from appliance.vendor.command import app
from tests.fixtures.licences import Customer


class Desk:
    """A vendor's folder, and the command run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root, self.vault = folder / "root", folder / "issuer"
        self.passphrase = folder / "passphrase"
        self.passphrase.write_text("a long one\n")

    def run(self, *arguments: object) -> Result:
        return CliRunner().invoke(app, [str(each) for each in arguments])

    def good(self, *arguments: object) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def keys(self) -> str:
        secret = ("--root-passphrase-file", self.passphrase)
        told = self.good("keygen", "root", "--root", self.root, "--name", "Weights Ltd", *secret)
        self.good("keygen", "issuer", "--root", self.root, "--vault", self.vault, *secret)
        return told


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(artifacts, "SEALED", "tests.fixtures.fake_sealed")
    return Desk(tmp_path)


def test_from_keys_to_a_licence_that_opens_and_is_revoked(desk: Desk) -> None:
    told = desk.keys()
    root = read_root((desk.root / "vendor.root").read_bytes())
    assert root.fingerprint in told
    (desk.folder / "weights").mkdir()
    (desk.folder / "weights/big").write_bytes(b"weights")
    sealed = desk.good("seal", desk.folder / "weights", desk.folder / "out", "--vault", desk.vault, "--name", "big")
    digest = re.findall(r"[0-9a-f]{64}", sealed)[0]
    customer = Customer(desk.folder / "customer")
    request, out = desk.folder / "box.request", desk.folder / "box.licence"
    request.write_bytes(customer.ask())
    terms = ("--customer", "Example Bank", "--artifact", digest[:12], "--max-cards", 8)
    desk.good("issue", request, out, "--vault", desk.vault, *terms)
    licence = read_licence(out.read_bytes(), roots=[root]).document
    key = bytes.fromhex(json.loads((desk.vault / f"artifacts/{digest}.json").read_text())["data_key"])
    assert unwrap(licence, digest, customer.key) == key
    assert (licence.max_cards, licence.customer, licence.starts <= clock.now()) == (8, "Example Bank", True)
    desk.good("revoke", licence.id, "--vault", desk.vault)
    listed = read_revocations((desk.vault / "vendor.revocations").read_bytes(), roots=[root]).document
    assert (listed.epoch, listed.licences) == (1, [licence.id])
    assert "Send" in desk.good("issue", request, out, "--vault", desk.vault, *terms)
    issuer = ("--issuer", "--root", desk.root, "--root-passphrase-file", desk.passphrase)
    desk.good("revoke", "--vault", desk.vault, *issuer)
    listed = read_revocations((desk.vault / "vendor.revocations").read_bytes(), roots=[root]).document
    assert (listed.epoch, listed.licences, len(listed.issuers)) == (2, [licence.id], 1)


def test_keys_lie_for_their_owner_only_and_are_not_written_over(desk: Desk) -> None:
    desk.keys()
    for path in (desk.root / "root.key", desk.vault / "issuer.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in (desk.root / "root.key").read_bytes()
    again = desk.run("keygen", "root", "--root", desk.root, "--name", "x")
    assert again.exit_code == 1
    assert "never written over" in again.output


def test_a_wrong_passphrase_is_said_without_it(desk: Desk) -> None:
    desk.keys()
    desk.passphrase.write_text("another secret\n")
    result = desk.run(
        "keygen", "issuer", "--root", desk.root, "--vault", desk.vault, "--root-passphrase-file", desk.passphrase
    )
    assert result.exit_code == 1
    assert "cannot be opened" in result.output
    assert "another secret" not in result.output


def test_a_new_certificate_is_for_the_same_key(desk: Desk) -> None:
    desk.keys()
    before = (desk.vault / "issuer.key").read_bytes()
    secret = ("--root-passphrase-file", desk.passphrase)
    desk.good("keygen", "issuer", "--root", desk.root, "--vault", desk.vault, "--days", 10, *secret)
    assert (desk.vault / "issuer.key").read_bytes() == before


def test_without_the_sealed_format_only_sealing_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.keys()
    monkeypatch.setattr(artifacts, "SEALED", "appliance.weights.not_there")
    result = desk.run("seal", desk.folder, desk.folder / "out", "--vault", desk.vault, "--name", "big")
    assert result.exit_code == 1
    assert "cannot seal weights" in result.output


def test_what_cannot_be_done_is_a_sentence(desk: Desk) -> None:
    desk.keys()
    request = desk.folder / "box.request"
    request.write_bytes(b"not a request")
    cases = [
        ("issue", request, desk.folder / "o", "--vault", desk.vault, "--customer", "x", "--artifact", "1"),
        ("issue", desk.folder / "none", desk.folder / "o", "--vault", desk.vault, "--customer", "x", "--artifact", "1"),
        ("revoke", "--vault", desk.vault),
        ("revoke", "--vault", desk.vault, "--issuer"),
        ("revoke", "lic-1", "--vault", desk.folder / "no-vault"),
        ("revoke", "Not An Id", "--vault", desk.vault),
    ]
    for case in cases:
        result = desk.run(*case)
        assert result.exit_code == 1, case
        assert result.output.strip().endswith(".")
        assert "Traceback" not in result.output


def test_an_artifact_nobody_sealed_has_no_key(desk: Desk) -> None:
    desk.keys()
    request = desk.folder / "box.request"
    request.write_bytes(Customer(desk.folder / "customer").ask())
    result = desk.run(
        "issue", request, desk.folder / "o", "--vault", desk.vault, "--customer", "x", "--artifact", "abc"
    )
    assert result.exit_code == 1
    assert "no artifact 'abc'" in result.output
