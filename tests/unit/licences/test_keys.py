"""Data keys open for one appliance, one licence, one artifact; and no key shows anywhere."""

import base64
import json
import logging
import pickle
import re
import stat
import subprocess
from pathlib import Path

import pytest

from appliance.base.errors import ApplianceError, SetupError
from appliance.base.secret_files import Secret
from appliance.licences.canonical import JsonObject
from appliance.licences.chain import read_licence
from appliance.licences.documents import Licence, as_object
from appliance.licences.folder import Files, open_data_key, read_folder, write_folder
from appliance.licences.keys import ApplianceKey, ensure_appliance_key, parse_seed, read_appliance_key
from appliance.licences.refusal import LicenceRefused, Why
from appliance.licences.wrapping import unwrap, wrap
from appliance.vendor import issuing
from tests.fixtures.licences import DAY, START, Customer, Vendor

ROOT = Path(__file__).resolve().parents[3]


def changed(licence: Licence, **fields: object) -> Licence:
    return Licence.model_validate({**as_object(licence), **fields})


def test_the_data_key_comes_out_as_it_went_in(vendor: Vendor, customer: Customer) -> None:
    licence, raw = vendor.issue(customer.ask())
    assert unwrap(licence, vendor.artifact.digest, customer.key) == vendor.artifact.data_key
    assert vendor.artifact.data_key not in raw
    assert base64.b64encode(vendor.artifact.data_key) not in raw


def test_it_opens_for_nobody_and_nothing_else(vendor: Vendor, customer: Customer, tmp_path: Path) -> None:
    licence, _ = vendor.issue(customer.ask())
    digest = vendor.artifact.digest
    artifact = as_object(licence.artifacts[0])
    fingerprint: JsonObject = {**as_object(licence.box.fingerprint), "required": 0}
    box: JsonObject = {**as_object(licence.box), "fingerprint": fingerprint}
    cases = [
        (licence, digest, Customer(tmp_path / "other").key),
        (changed(licence, id="lic-other"), digest, customer.key),
        (changed(licence, box=box), digest, customer.key),
        (changed(licence, artifacts=[{**artifact, "digest": "1" * 64}]), "1" * 64, customer.key),
        (
            changed(licence, artifacts=[{**artifact, "wrapped_key": base64.b64encode(bytes(80)).decode()}]),
            digest,
            customer.key,
        ),
    ]
    for given, name, key in cases:
        with pytest.raises(LicenceRefused) as caught:
            unwrap(given, name, key)
        assert caught.value.why is Why.KEY
    with pytest.raises(LicenceRefused, match="does not cover"):
        unwrap(licence, "2" * 64, customer.key)


def test_wrapping_the_same_key_twice_looks_different(vendor: Vendor, customer: Customer) -> None:
    licence, _ = vendor.issue(customer.ask())
    wrapped = {
        wrap(
            bytes(32),
            public_key=customer.key.public_key,
            licence_id=licence.id,
            fingerprint=licence.box.fingerprint,
            digest="1" * 64,
        )
        for _ in range(3)
    }
    assert len(wrapped) == 3


def test_the_appliances_key_is_made_once_and_for_its_owner_only(customer: Customer) -> None:
    path = customer.home.secrets / Secret.APPLIANCE_KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ensure_appliance_key(customer.home).public_key == customer.key.public_key
    assert read_appliance_key(customer.home).public_signing_key == customer.key.public_signing_key
    path.write_text("damaged\n")
    with pytest.raises(SetupError, match="damaged") as caught:
        read_appliance_key(customer.home)
    assert "damaged\n" not in str(caught.value)


def test_the_folder_gives_the_key_and_checks_every_file_again(
    vendor: Vendor, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.base.clock.now", lambda: START + DAY)
    home, digest = customer.home, vendor.artifact.digest
    licence, raw = vendor.issue(customer.ask())
    name = vendor.root.fingerprint
    write_folder(home, Files({name: vendor.root_file}, {}, {licence.id: raw}))
    assert open_data_key(home, digest, observation=customer.observation) == vendor.artifact.data_key
    (home.licences / f"{licence.id}.licence").write_bytes(raw.replace(b"Example Bank", b"Another Bank"))
    with pytest.raises(LicenceRefused, match="No licence covers"):
        open_data_key(home, digest, observation=customer.observation)
    issuing.revoke(vendor.vault, licence_ids=[licence.id], at=START)
    write_folder(home, Files({name: vendor.root_file}, {name: vendor.revocations_file}, {licence.id: raw}))
    with pytest.raises(LicenceRefused, match="revoked"):
        open_data_key(home, digest, observation=customer.observation)
    write_folder(home, Files({}, {}, {}))
    assert not read_folder(home, box=customer.box).held
    assert list(home.licences.iterdir()) == []


def shapes_of(secret: bytes) -> list[str]:
    """The ways in which a key could show."""
    coded = [base64.b64encode(secret), base64.urlsafe_b64encode(secret)]
    return [secret.hex(), repr(secret)[2:-1], str(list(secret)), *(text.decode().rstrip("=") for text in coded)]


def test_no_key_shows_in_logs_repr_or_errors(
    vendor: Vendor, customer: Customer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seed = (customer.home.secrets / Secret.APPLIANCE_KEY).read_text().strip()
    licence, raw = vendor.issue(customer.ask())
    said = [repr(thing) for thing in (customer.key, vendor.artifact, vendor.vault, customer.observation)]
    said += [str(customer.key), repr(licence), repr(read_licence(raw, roots=[vendor.root]))]
    other = Customer(tmp_path / "other")
    attempts = [
        lambda: unwrap(licence, vendor.artifact.digest, other.key),
        lambda: ApplianceKey(customer.key.exchange.private_bytes_raw() + b"x"),
        lambda: parse_seed(seed + "!"),
        lambda: read_licence(raw[:-20], roots=[vendor.root]),
    ]
    for attempt in attempts:
        with pytest.raises(ApplianceError) as caught:
            attempt()
        error = caught.value
        said += [str(error), repr(error), json.dumps(error.envelope()), repr(error.__cause__)]
    with pytest.raises(TypeError):
        pickle.dumps(customer.key)
    everything = "\n".join([*said, caplog.text, customer.ask().decode(), raw.decode()])
    hidden = [
        vendor.artifact.data_key,
        customer.key.exchange.private_bytes_raw(),
        customer.key.signing.private_bytes_raw(),
    ]
    assert seed not in everything
    assert not [shape for secret in hidden for shape in shapes_of(secret) if shape in everything]
    for factor in customer.observation.values.values():
        assert not [value for value in factor if value in "\n".join(said)]


def test_no_private_key_or_seed_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = [name for name in listed.stdout.split("\0") if name]
    files = [ROOT / name for name in names] or [path for path in ROOT.rglob("*") if ".venv" not in path.parts]
    pem = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE" + rb" KEY-----")
    vault = re.compile(rb'"data_' + rb'key": ?"[0-9a-f]{64}"')
    found = [
        str(path)
        for path in files
        if path.is_file()
        and path.stat().st_size < 4 * 1024 * 1024
        and (
            pem.search(content := path.read_bytes()) or vault.search(content) or content.startswith(b"thousand-sails ")
        )
    ]
    assert not found, (
        "Keys are made by tests and by vendors; none is kept, and no root is trusted before an admin says so."
    )
    assert not [
        path for path in files if path.suffix in {".key", ".root", ".licence"} or path.name == Secret.APPLIANCE_KEY
    ]
