"""ModelScope and mirrors that speak its API, through its own client (`modelscope_hub`, which modelscope 1.40 brings).

`HubApi.list_repo_files` names sizes and SHA-256 of all files; `legacy.download_stream` sends a `Range`
(github.com/modelscope/modelscope_hub, README).
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin

from appliance.base.errors import ApplianceError
from appliance.weights.hubs.port import (
    CHUNK_BYTES,
    HubBroke,
    Listing,
    RemoteFile,
    Repository,
    Sink,
    no_answer,
    not_installed,
    said_no,
)
from appliance.weights.urls import UrlGuard

DEFAULT_ENDPOINT = "https://modelscope.cn"
DEFAULT_REVISION = "master"


class ModelScopeHub:
    def __init__(self, repository: Repository, *, guard: UrlGuard, stall_seconds: int) -> None:
        self.repository = repository
        self.guard = guard
        self.client_library = load_library(stall_seconds)
        self.endpoint = (repository.endpoint or DEFAULT_ENDPOINT).rstrip("/")
        self.own_home = tempfile.TemporaryDirectory(prefix="modelscope-")
        home = Path(self.own_home.name)
        config = self.client_library.HubConfig(
            endpoint=self.endpoint, token=repository.token, config_dir=home / "config", cache_dir=home / "cache"
        )
        self.api = self.client_library.HubApi(config)

    def listing(self) -> Listing:
        revision = self.repository.revision or DEFAULT_REVISION
        entries = self.ask(
            lambda: self.api.list_repo_files(self.repository.name, "model", revision=revision), broke=no_answer
        )
        files = tuple(remote_file(entry) for entry in entries if not entry.is_dir)
        return Listing(commit=revision, files=files)

    def fetch(self, file: RemoteFile, *, commit: str, sink: Sink, start: int) -> None:
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        answer = self.ask(
            lambda: self.api.legacy.download_stream(self.repository.name, "model", file.path, commit, headers)
        )
        try:
            if start and answer.status_code != 206:
                sink.seek(0)
                sink.truncate()
            self.check_redirects(answer)
            for chunk in answer.iter_content(CHUNK_BYTES):
                sink.write(chunk)
        except ApplianceError:
            raise
        except (
            Exception
        ) as error:  # the library's edge: connection, timeout and protocol errors of requests and urllib3
            raise HubBroke(type(error).__name__) from error
        finally:
            answer.close()

    def check_redirects(self, answer: Any) -> None:
        """requests has followed them; where they led was checked as it connected, and is as a name here."""
        for step in (*answer.history, answer):
            self.guard.check(str(step.url))
            if location := step.headers.get("Location"):
                self.guard.check(urljoin(str(step.url), str(location)))

    def ask(self, call: Callable[[], Any], *, broke: Callable[[Repository, str], Exception] | None = None) -> Any:
        """What says no says so; what breaks is `broke`, or HubBroke where it is worth another try."""
        try:
            return call()
        except ApplianceError:
            raise
        except Exception as error:  # as above
            status = status_of(error)
            if 400 <= status < 500 and status not in (408, 429):
                raise said_no(self.repository, f"the hub answered HTTP {status} ({type(error).__name__}).") from error
            reason = type(error).__name__
            raise (broke(self.repository, reason) if broke else HubBroke(reason)) from error


def status_of(error: Exception) -> int:
    """The library's own errors carry the status, those of requests carry the answer."""
    status = getattr(error, "status_code", None)
    return int(status or getattr(getattr(error, "response", None), "status_code", None) or 0)


def remote_file(entry: Any) -> RemoteFile:
    sha256 = str(entry.sha256 or "").lower()
    return RemoteFile(str(entry.path), int(entry.size), identity=sha256 or str(entry.blob_id), sha256=sha256)


def load_library(stall_seconds: int) -> Any:
    """Its switches are read when it is imported. `NETRC` keeps requests from a login that lies in the home.

    It writes an installation's id below its configuration folder and sends it along: ours is empty and goes away.
    """
    os.environ.update(NETRC=os.devnull, MODELSCOPE_DOWNLOAD_TIMEOUT=str(stall_seconds))
    try:
        import modelscope_hub  # noqa: PLC0415  heavy, and only for those who import from it
    except ImportError as error:
        raise not_installed("modelscope") from error
    return cast(Any, modelscope_hub)
