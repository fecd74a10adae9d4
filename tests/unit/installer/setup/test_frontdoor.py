"""The front door's configuration as text: routing, limits, TLS, and what is refused."""

import json
from pathlib import Path

import pytest

from appliance.base.errors import SetupError
from appliance.base.paths import Home
from appliance.base.settings import HttpSettings
from installer.setup.frontdoor import ANSWERS, error_body, quoted, render_frontdoor

HOME = Home(Path("/home/of/a/test"))
EVERYWHERE = "::"


def http(**options: object) -> HttpSettings:
    return HttpSettings.model_validate(options)


def test_binds_loopback_with_the_given_port() -> None:
    assert "    bind 127.0.0.1:8090\n" in render_frontdoor(HOME, http=http(), port=8090)


def test_ipv6_is_bracketed() -> None:
    assert "    bind [::1]:8090\n" in render_frontdoor(HOME, http=http(bind="::1"), port=8090)


def test_beyond_loopback_needs_a_certificate() -> None:
    with pytest.raises(SetupError, match="no TLS certificate"):
        render_frontdoor(HOME, http=http(bind=EVERYWHERE), port=8090)


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"missing\.pem"):
        render_frontdoor(HOME, http=http(tls_certificate=tmp_path / "missing.pem"), port=8090)


def test_with_a_certificate_it_serves_tls(tmp_path: Path) -> None:
    certificate = tmp_path / "chain.pem"
    certificate.write_text("-")
    text = render_frontdoor(HOME, http=http(bind=EVERYWHERE, tls_certificate=certificate), port=8443)
    assert f"bind [::]:8443 ssl crt '{certificate}' alpn h2,http/1.1" in text
    assert "x-forwarded-proto https" in text


def test_the_body_limit_is_the_setting() -> None:
    text = render_frontdoor(HOME, http=http(max_body_bytes=4096), port=8090)
    assert "deny_status 413 if { req.hdr_val(content-length) gt 4096 }" in text


def test_a_base_path_is_taken_off_before_routing() -> None:
    text = render_frontdoor(HOME, http=http(base_path="/ai/"), port=8090)
    assert text.index("replace-path ^/ai(/.*)?$") < text.index("use_backend api")


def test_organization_goes_to_the_control_plane_before_v1_goes_to_the_gateway() -> None:
    text = render_frontdoor(HOME, http=http(), port=8090)
    assert text.index("use_backend api if { path /v1/organization }") < text.index("use_backend gateway")


@pytest.mark.parametrize("status", sorted(ANSWERS))
def test_every_own_answer_is_an_openai_error(status: int) -> None:
    error = json.loads(error_body(status))["error"]
    assert set(error) == {"message", "type", "param", "code"}


def test_percent_signs_survive_a_log_format() -> None:
    assert quoted("100 %") == "'100 %%'"
