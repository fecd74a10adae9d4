"""`weights export` and its kin: which version is meant, what is sent, how an answer reads; and `jobs`."""

from pathlib import Path
from typing import Any, cast

import pytest

from appliance.base.errors import BadRequest, SetupError
from installer import job_watch
from installer.admin_client import AdminClient, JsonObject
from installer.commands.jobs import facts, row
from installer.commands.registry_options import registry_place
from installer.commands.signing_keys import text_of
from installer.commands.weights_export import find_version, remarks, summary
from installer.commands.weights_import import artifact_place

ROWS: list[JsonObject] = [
    {"id": "ver-3", "model": "chat", "state": "failed", "digest": None},
    {"id": "ver-2", "model": "chat", "state": "ready", "digest": "ab12"},
    {"id": "ver-1", "model": "chat", "state": "ready", "digest": "ab34"},
    {"id": "ver-0", "model": "other", "state": "damaged", "digest": "ab12"},
]


class FakeApi:
    """Answers lists of versions, and jobs one after the other; a job `None` is where the person presses Ctrl-C."""

    def __init__(self, jobs: list[JsonObject | None] | None = None) -> None:
        self.jobs = jobs or []

    def every(self, path: str, **query: Any) -> list[JsonObject]:
        return [each for each in ROWS if path == "/versions" and query.get("model") in (None, each["model"])]

    def get(self, path: str) -> JsonObject:
        if path.startswith("/versions/"):
            return {"id": path.removeprefix("/versions/")}
        job = self.jobs.pop(0)
        if job is None:
            raise KeyboardInterrupt
        return job


def api(*jobs: JsonObject | None) -> AdminClient:
    return cast(AdminClient, FakeApi(list(jobs)))


@pytest.mark.parametrize(
    ("text", "expected"), [("chat", "ver-2"), ("ab34", "ver-1"), ("ab12", "ver-2"), ("ver-9", "ver-9")]
)
def test_a_version_is_found_by_name_digest_or_id(text: str, expected: str) -> None:
    assert find_version(api(), text)["id"] == expected


@pytest.mark.parametrize("text", ["ab", "nobody"])
def test_what_names_none_or_several_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="names"):
        find_version(api(), text)


def test_a_registry_is_sent_with_what_belongs_to_it() -> None:
    assert registry_place(None, plain_http=False, ca_file=None, user="") is None
    place = registry_place("r.example/m:v1", plain_http=True, ca_file=Path("/ca.pem"), user="ann")
    assert place == {"reference": "r.example/m:v1", "plain_http": True, "user": "ann", "ca_file": "/ca.pem"}
    with pytest.raises(BadRequest, match="--registry"):
        registry_place(None, plain_http=False, ca_file=None, user="ann")


def test_places_are_sent_as_absolute_paths() -> None:
    sent = artifact_place([Path("usb")], None, tag=None, unsigned=False)
    assert sent is not None
    assert sent["places"] == [str(Path.cwd() / "usb")]


def test_what_is_for_an_artifact_is_not_passed_over_without_one() -> None:
    assert artifact_place([], None, tag=None, unsigned=False) is None
    with pytest.raises(BadRequest, match="--modelpack"):
        artifact_place([], None, tag=None, unsigned=True)


def test_an_export_is_summed_up_with_its_volumes() -> None:
    volume = {"path": "/usb/volume-001", "bytes": 2**30, "digest": "d" * 64}
    result = {"path": "/usb", "bytes": 2**30, "manifest_digest": "m", "written": [volume], "left_out": 2}
    said = summary({**result, "signed_by": "k"}).splitlines()
    assert said[1] == f"/usb/volume-001: 1.00 GiB, digest {'d' * 64}"
    assert said[2].startswith("2 files are left")


def test_a_look_says_whom_one_would_have_to_trust() -> None:
    found: JsonObject = {"version": "v", "total_bytes": 2**30, "missing_bytes": 0, "is_here": False}
    found |= {"signed_by": "k", "is_trusted": False, "not_carried": ["x"]}
    found |= {"volumes": {"of": 3, "present": [1, 2], "missing": [3]}}
    said = remarks(found)
    assert said[1:3] == ["Signed by k, which is not trusted here.", "At hand: volume 1, 2 of 3."]
    assert remarks({**found, "signed_by": None, "volumes": None})[1] == "It is not signed."


def test_a_job_is_watched_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_watch, "POLL_SECONDS", 0)
    running = {"state": "running", "progress": {"done_bytes": 1, "total_bytes": 2}}
    assert job_watch.watch(api(running, {"state": "succeeded"}), "job-1", quiet=False)["state"] == "succeeded"


def test_ctrl_c_leaves_it_running_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        job_watch.watch(api(None), "job-1", quiet=True)
    assert "appliance jobs show job-1" in capsys.readouterr().err


def test_a_failure_keeps_its_code_and_hint() -> None:
    error = {"message": "Volume 2 is missing.", "code": "volume_missing", "hint": "Insert it."}
    found = job_watch.failure({"state": "failed", "error": error})
    assert (found.error_code, found.hint) == ("volume_missing", "Insert it.")
    assert job_watch.failure({"state": "cancelled", "error": None}).message == "The job was cancelled."


def job(**changed: Any) -> JsonObject:
    plain = {"id": "job-1", "kind": "export_model", "state": "failed", "attempt": 1, "created_at": 0, "progress": None}
    return {
        **plain,
        "error": {"message": "[b]No disk"},
        "result": None,
        "spec": {"target": "/usb", "tag": ""},
        **changed,
    }


def test_a_job_s_row_says_why_it_failed_and_takes_nothing_for_markup() -> None:
    assert row(job()) == ["job-1", "export_model", "[red]failed[/]", "1970-01-01 00:00:00", r"\[b]No disk"]
    queued = row(job(state="queued", error=None))
    assert queued[-1] == "waiting for a worker"


def test_a_job_s_facts_are_what_was_asked_and_what_came() -> None:
    told = {str(name): value for name, value in facts(job(state="succeeded", error=None, result={"bytes": 5}))}
    assert (told["asked: target"], told["result: bytes"]) == ("/usb", "5")
    assert "asked: tag" not in told


def test_only_a_key_file_is_sent(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read"):
        text_of(tmp_path / "none")
    for content in (b"\xff", b"x" * 5000):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(SetupError, match="no public key"):
            text_of(tmp_path / "file")
