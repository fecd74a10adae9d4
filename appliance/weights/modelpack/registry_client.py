"""oras (github.com/oras-project/oras-py, 0.2) with what a long transfer needs: time-outs, exact bytes, bounded answers.

Where it is used as it stands: names of repositories, tokens, addresses of uploads, chunked uploads. Not its `pull` and
`get_manifest`, which parse before anybody could check a signature and read the user's Docker settings; not its
`upload_manifest`, which writes the JSON anew, so that the digest would be another.
"""

import inspect
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import requests
from oras.auth import TokenAuth
from oras.container import Container
from oras.provider import Registry
from requests.adapters import HTTPAdapter

from appliance.base.errors import ApplianceError, NotFound, Unavailable
from appliance.weights.copying import CHUNK_BYTES
from appliance.weights.modelpack.documents import refused
from appliance.weights.modelpack.hosts import require_allowed, with_port
from appliance.weights.modelpack.media_types import IMAGE_MANIFEST

CONNECT_SECONDS = 15.0
SILENCE_SECONDS = 60.0
PAUSES_SECONDS = (1.0, 4.0)
"""Between attempts: a registry that restarts is back, one that is gone is not waited for."""
AGAIN = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Place:
    """`reference` is `host[:port]/repository[:tag|@digest]`. `plain_http` only where the admin says so. To each of
    `allowed_hosts` (`host[:port]`) it may send us on, though it is private.
    """

    reference: str
    plain_http: bool = False
    ca_file: Path | None = None
    user: str = ""
    password: str = ""
    allowed_hosts: tuple[str, ...] = ()


class WatchedAdapter(HTTPAdapter):
    """Every request passes here, redirects and token servers too: a time-out on silence, and no way into the house."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__()
        self.allowed = allowed

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,  # noqa: ARG002
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        require_allowed(str(request.url), allowed=self.allowed)
        limits = (CONNECT_SECONDS, SILENCE_SECONDS)
        return super().send(request, stream=stream, timeout=limits, verify=verify, cert=cert, proxies=proxies)


class WatchedRegistry(Registry):
    """Without oras's own retries (five, up to 83 s apart, which nobody could cancel), and with a meter on uploads."""

    def __init__(self, place: Place, *, advance: Callable[[int], None]) -> None:
        verify: bool | str = str(place.ca_file) if place.ca_file else True
        super().__init__(insecure=place.plain_http, tls_verify=verify)
        self.advance = advance
        self.session.trust_env = False
        self.tokens = cast("TokenAuth", self.auth)
        container = Container(place.reference)
        itself = with_port(str(container.registry), tls=not place.plain_http)
        adapter = WatchedAdapter((itself, *place.allowed_hosts))
        for prefix in ("http://", "https://"):
            self.session.mount(prefix, adapter)
        if place.user:
            self.tokens.set_basic_auth(place.user, place.password)

    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: Any = None,
        headers: dict[str, str] | None = None,
        json: Any = None,
        stream: bool = False,
    ) -> requests.Response:
        once = cast("Callable[..., requests.Response]", inspect.unwrap(cast("Any", Registry).do_request))
        rest = {"data": data, "json": json, "stream": stream}
        answer = once(self, url, method, headers=self.with_login(headers), **rest)
        if answer.status_code == requests.codes.unauthorized and self.tokens.token:
            # oras keeps the first token, which a registry gave for reading only.
            answer.close()
            self.tokens.token = None
            answer = once(self, url, method, headers=self.with_login(headers), **rest)
        if method == "PATCH" and answer.status_code < 300:
            self.advance(len(data))
        return answer

    def with_login(self, headers: dict[str, str] | None) -> dict[str, str]:
        """For registries that know names and passwords only; one with tokens answers where to get them."""
        login = getattr(self.tokens, "_basic_auth", "")
        return {**(headers or {}), **({"Authorization": f"Basic {login}"} if login and not self.tokens.token else {})}


class RegistryClient:
    """The six things that we ask of a registry. Raises NotFound, Forbidden and Unavailable, never requests' errors."""

    def __init__(self, place: Place, *, advance: Callable[[int], None] = lambda _: None) -> None:
        self.registry = WatchedRegistry(place, advance=advance)
        self.container = Container(place.reference)
        self.prefix = "http" if place.plain_http else "https"
        self.name = place.reference

    @property
    def tag(self) -> str:
        return self.container.digest or self.container.tag

    def manifest(self, tag: str, *, limit: int) -> bytes:
        """The exact bytes. Raises NotFound, BadRequest where there are more than `limit`."""
        url = f"{self.prefix}://{self.container.manifest_url(tag)}"
        return self.small(url, what=tag, limit=limit, headers={"Accept": IMAGE_MANIFEST})

    def document(self, digest: str, *, limit: int) -> bytes:
        return self.small(self.blob_url(digest), what=digest[:12], limit=limit, headers={})

    def small(self, url: str, *, what: str, limit: int, headers: dict[str, str]) -> bytes:
        with self.ask(url, what=what, headers=headers, stream=True) as answer:
            content = b""
            for chunk in pieces_of(answer, name=self.name):
                content += chunk
                if len(content) > limit:
                    raise refused(f"{self.name} answers with more than {limit} bytes for {what}.")
            return content

    def blob(self, digest: str, *, offset: int) -> Iterator[bytes]:
        """The bytes from `offset`. A registry that knows no ranges sends all; the beginning is then passed over."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self.ask(self.blob_url(digest), what=digest[:12], headers=headers, stream=True) as answer:
            skip = offset if answer.status_code != requests.codes.partial_content else 0
            if offset and not skip and not answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
                raise refused(f"{self.name} answers with another range than was asked for.")
            for chunk in pieces_of(answer, name=self.name):
                yield chunk[skip:]
                skip = max(0, skip - len(chunk))

    def has(self, digest: str) -> bool:
        return self.attempt(self.blob_url(digest), method="HEAD").status_code == requests.codes.ok

    def upload(self, path: Path, *, digest: str, size: int) -> None:
        """Chunked, as a plain upload of oras reads the whole file into memory."""
        try:
            answer = self.registry.chunked_upload(  # pyright: ignore[reportUnknownMemberType]
                str(path), self.container, {"digest": f"sha256:{digest}", "size": size}, chunk_size=CHUNK_BYTES * 4
            )
        except (requests.RequestException, ValueError) as error:
            raise self.unreachable(error) from error
        self.require_fine(answer, what=digest[:12])

    def put_manifest(self, content: bytes, *, tag: str) -> None:
        url = f"{self.prefix}://{self.container.manifest_url(tag)}"
        answer = self.attempt(url, method="PUT", data=content, headers={"Content-Type": IMAGE_MANIFEST})
        self.require_fine(answer, what=tag)

    def blob_url(self, digest: str) -> str:
        return f"{self.prefix}://{self.container.get_blob_url(f'sha256:{digest}')}"

    def ask(self, url: str, *, what: str, headers: dict[str, str], stream: bool) -> requests.Response:
        answer = self.attempt(url, headers=headers, stream=stream)
        try:
            self.require_fine(answer, what=what)
        except ApplianceError:
            answer.close()
            raise
        return answer

    def attempt(self, url: str, *, method: str = "GET", **rest: Any) -> requests.Response:
        for pause in (*PAUSES_SECONDS, None):
            try:
                answer = self.registry.do_request(url, method, **rest)
                if answer.status_code not in AGAIN or pause is None:
                    return answer
                answer.close()
            except (requests.RequestException, OSError, ValueError) as error:
                if pause is None:
                    raise self.unreachable(error) from error
            time.sleep(pause)
        raise AssertionError

    def require_fine(self, answer: requests.Response, *, what: str) -> None:
        status = answer.status_code
        if status < 300:
            return
        if status == requests.codes.not_found:
            raise NotFound(f"{self.name}: the registry has no {what}.", hint="Look at the name and the tag.")
        raise Unavailable(f"{self.name}: the registry answers {status} for {what}.", hint="Look at its log.")

    def unreachable(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"{self.name} cannot be reached: {str(error)[:200]}", hint="Look at the network, name and password."
        )


def pieces_of(answer: requests.Response, *, name: str) -> Iterator[bytes]:
    """As they are sent: the raw stream, so that no compression can blow them up. Raises Unavailable."""
    try:
        while chunk := answer.raw.read(CHUNK_BYTES, decode_content=False):
            yield chunk
    except Exception as error:
        if isinstance(error, ApplianceError) or not is_transport(error):
            raise
        raise Unavailable(
            f"{name} broke off: {str(error)[:200]}", hint="Start it again; what arrived is kept."
        ) from error


def is_transport(error: Exception) -> bool:
    return type(error).__module__.startswith("urllib3") or isinstance(error, OSError)
