"""Hugging Face and mirrors that speak its API, through huggingface_hub 2.x.

Documented calls: `HfApi.model_info(files_metadata=True)` for names, sizes and the SHA-256 of large files, `hf_hub_url`
for addresses, `http_get` for bytes with `Range`, and `set_client_factory` for our own checks of every request
(huggingface.co/docs/huggingface_hub, "Environment variables" and "Utilities").
"""

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

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

DEFAULT_ENDPOINT = "https://huggingface.co"
DEFAULT_REVISION = "main"


class HuggingFaceHub:
    def __init__(self, repository: Repository, *, guard: UrlGuard, stall_seconds: int) -> None:
        self.repository = repository
        self.guard = guard
        self.endpoint = (repository.endpoint or DEFAULT_ENDPOINT).rstrip("/")
        self.client_library = load_library(stall_seconds)
        self.client_library.set_client_factory(self.make_client)
        self.stall_seconds = stall_seconds

    def make_client(self) -> Any:
        """The library's own client, with our check before every request; a redirect is a request of its own."""
        http = cast(Any, import_http())
        hook: Callable[[Any], object] = lambda request: self.guard.check(str(request.url))  # noqa: E731
        return http.Client(
            event_hooks={"request": [hook]},
            follow_redirects=True,
            max_redirects=5,
            timeout=http.Timeout(self.stall_seconds),
            trust_env=False,
        )

    def listing(self) -> Listing:
        api = self.client_library.HfApi(endpoint=self.endpoint, token=self.repository.token or False)
        revision = self.repository.revision or DEFAULT_REVISION
        details = self.ask(
            lambda: api.model_info(
                self.repository.name, revision=revision, files_metadata=True, timeout=self.stall_seconds
            )
        )
        files = tuple(self.remote_file(sibling) for sibling in details.siblings or ())
        return Listing(commit=str(details.sha or revision), files=files)

    def remote_file(self, sibling: Any) -> RemoteFile:
        sha256 = str(sibling.lfs.sha256) if sibling.lfs is not None else ""
        if not isinstance(sibling.size, int) or sibling.size < 0:
            raise said_no(self.repository, f"it names no size for {str(sibling.rfilename)[:120]!a}.")
        return RemoteFile(str(sibling.rfilename), sibling.size, identity=sha256 or str(sibling.blob_id), sha256=sha256)

    def fetch(self, file: RemoteFile, *, commit: str, sink: Sink, start: int) -> None:
        """`Accept-Encoding: identity`, as a range of a packed body would be another file's bytes."""
        url = self.client_library.hf_hub_url(self.repository.name, file.path, revision=commit, endpoint=self.endpoint)
        headers = self.client_library.utils.build_hf_headers(token=self.repository.token or False)
        headers["Accept-Encoding"] = "identity"
        http_get = cast(Any, import_download()).http_get
        try:
            http_get(url, sink, resume_size=start, headers=headers, expected_size=file.bytes)
        except ApplianceError:
            raise
        except self.client_library.errors.HfHubHTTPError as error:
            self.raise_for(error)
        except (
            Exception
        ) as error:  # the library's edge: connection, timeout, protocol and length errors of two libraries
            raise HubBroke(type(error).__name__) from error

    def ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except ApplianceError:
            raise
        except self.client_library.errors.HfHubHTTPError as error:
            self.raise_for(error)
        except Exception as error:  # as above
            raise no_answer(self.repository, type(error).__name__) from error

    def raise_for(self, error: Any) -> None:
        """The messages of the library name request ids and addresses, never the token; we say the status alone."""
        status = getattr(getattr(error, "response", None), "status_code", 0)
        if status >= 500 or status in (0, 408, 429):
            raise HubBroke(f"HTTP {status}") from error
        raise said_no(self.repository, f"the hub answered HTTP {status} ({type(error).__name__}).") from error


def load_library(stall_seconds: int) -> Any:
    """The library reads its switches when it is imported (`HF_HUB_*`), so they are set here, first."""
    os.environ.update(
        HF_HUB_OFFLINE="0",
        TRANSFORMERS_OFFLINE="0",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_XET="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        HF_HUB_DISABLE_IMPLICIT_TOKEN="1",  # noqa: S106  a switch
        HF_HUB_DOWNLOAD_TIMEOUT=str(stall_seconds),
        HF_HUB_ETAG_TIMEOUT=str(stall_seconds),
    )
    try:
        import huggingface_hub  # noqa: PLC0415  heavy, and only for those who import from it
    except ImportError as error:
        raise not_installed("huggingface_hub") from error
    cast(Any, import_download()).constants.DOWNLOAD_CHUNK_SIZE = CHUNK_BYTES  # 10 MiB otherwise
    return huggingface_hub


def import_http() -> ModuleType:
    import httpx2  # noqa: PLC0415  what huggingface_hub 2.x speaks HTTP with

    return httpx2


def import_download() -> ModuleType:
    from huggingface_hub import file_download  # noqa: PLC0415

    return file_download
