"""The front door: HAProxy's configuration, rendered from the settings. Pure.

It keeps out what a Python server should never meet (slow clients, large headers and bodies), says who the client is,
and sends each path to its process. Where it answers itself, it answers in OpenAI's envelope; only what it cannot read
as HTTP at all, or what stops within its header, it refuses in words of its own, which no setting changes.
Reference: https://docs.haproxy.org/2.8/configuration.html
"""

import json
from ipaddress import ip_address

from appliance.base.errors import SetupError
from appliance.base.paths import Home
from appliance.base.settings import HttpSettings

MAX_CONNECTIONS = 4096
TO_API = ("/v1/organization", "/api")

ANSWERS = {
    400: ("invalid_request", "invalid_request_error", "The request cannot be understood as HTTP."),
    408: ("request_timeout", "invalid_request_error", "The request did not arrive whole in time."),
    413: ("request_too_large", "invalid_request_error", "The request body is over the limit of this appliance."),
    500: ("internal_error", "server_error", "The front door failed on this request."),
    502: ("bad_gateway", "server_error", "The process behind the front door broke off its answer. Try again."),
    503: ("not_ready", "server_error", "The process behind the front door is not up. Try again in a few seconds."),
    504: ("gateway_timeout", "server_error", "The process behind the front door did not answer in time."),
}


def render_frontdoor(home: Home, *, http: HttpSettings, port: int) -> str:
    require_tls_beyond_loopback(http)
    return "\n".join([GLOBAL, defaults(), frontend(http, port=port), backends(home)])


def require_tls_beyond_loopback(http: HttpSettings) -> None:
    if http.tls_certificate is None and not ip_address(http.bind).is_loopback:
        raise SetupError(
            f"APPLIANCE_HTTP__BIND is {http.bind}, which others can reach, and there is no TLS certificate.",
            hint="Set APPLIANCE_HTTP__TLS_CERTIFICATE to a PEM file with chain and key, or bind 127.0.0.1.",
        )
    if http.tls_certificate is not None and not http.tls_certificate.is_file():
        raise SetupError(
            f"The TLS certificate {http.tls_certificate} does not exist.",
            hint="Correct APPLIANCE_HTTP__TLS_CERTIFICATE.",
        )


GLOBAL = f"""\
# Written by the appliance; changes are overwritten.
global
    maxconn {MAX_CONNECTIONS}
    nbthread 1
    log stdout format raw local0 notice
    ssl-default-bind-options ssl-min-ver TLSv1.2
    tune.http.maxhdr 100

# Without a section of this name HAProxy makes one from /etc/resolv.conf and reaches for those servers at its start;
# without a server in it, it warns. No name is ever asked for.
resolvers default
    nameserver nobody 127.0.0.1:9
"""


def defaults() -> str:
    """`timeout server` is longer than the gateway's own limits, so that the gateway speaks first."""
    errors = [
        f"    http-error status {status} content-type application/json lf-string {quoted(error_body(status))}"
        for status in ANSWERS
    ]
    return "\n".join(
        [
            "defaults",
            "    mode http",
            "    log global",
            "    option httplog",
            "    option dontlognull",
            "    option dontlog-normal",
            "    option http-no-delay",
            # A client that leaves before the first byte ends its request behind us too, and so the engine's work.
            "    option abortonclose",
            "    option redispatch",
            "    retries 3",
            "    timeout connect 2s",
            "    timeout queue 10s",
            "    timeout http-request 10s",
            "    timeout http-keep-alive 60s",
            "    timeout client 60s",
            "    timeout server 900s",
            "    unique-id-format req-%[uuid(4),regsub(-,,g)]",
            *errors,
            "",
        ]
    )


def frontend(http: HttpSettings, *, port: int) -> str:
    prefix = http.base_path.rstrip("/")
    strip = [rf"    http-request replace-path ^{prefix}(/.*)?$ \1", ""] if prefix else []
    host = f"[{http.bind}]" if ":" in http.bind else http.bind
    tls = f" ssl crt {quoted(str(http.tls_certificate))} alpn h2,http/1.1" if http.tls_certificate else ""
    return "\n".join(
        [
            "frontend public",
            f"    bind {host}:{port}{tls}",
            f"    maxconn {MAX_CONNECTIONS}",
            *strip,
            # Who is asking is decided here, never by what the client claims.
            "    http-request del-header ^(x-forwarded-|x-real-ip|forwarded|x-ts-|x-appliance-) -m reg",
            "    http-request set-header x-forwarded-for %[src]",
            f"    http-request set-header x-forwarded-proto {'https' if http.tls_certificate else 'http'}",
            "    http-request set-header x-forwarded-host %[req.hdr(host)]",
            "    http-request set-header x-request-id %[unique-id]",
            f"    http-request deny deny_status 413 if {{ req.hdr_val(content-length) gt {http.max_body_bytes} }}",
            "    http-after-response set-header x-request-id %[unique-id] unless { res.hdr(x-request-id) -m found }",
            *[f"    use_backend api if {{ path {path} }} || {{ path_beg {path}/ }}" for path in TO_API],
            "    use_backend gateway if { path_beg /v1/ } || { path /healthz }",
            "    default_backend api",
            "",
        ]
    )


def backends(home: Home) -> str:
    lines: list[str] = []
    for name, socket in (("gateway", home.gateway_socket), ("api", home.api_socket)):
        lines += [f"backend {name}", f"    server {name} unix@{socket} maxconn {MAX_CONNECTIONS}", ""]
    return "\n".join(lines)


def error_body(status: int) -> str:
    code, kind, message = ANSWERS[status]
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})


def quoted(text: str) -> str:
    """A single-quoted word: nothing in it is special to HAProxy but the quote, and `%` to a log format."""
    if "'" in text:
        raise SetupError(
            f"A quote in {text!r} cannot be written into HAProxy's configuration.", hint="Rename the file."
        )
    return "'" + text.replace("%", "%%") + "'"
