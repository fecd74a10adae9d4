"""Ray as the appliance starts it: reachable on loopback only, with a token only, and without parts nobody uses."""

import httpx

from tests.fixtures.serving import ServingBox, is_loopback, listening_addresses, ray_processes


def test_every_listener_is_on_loopback(serving_box: ServingBox) -> None:
    listening = {address for found in listening_addresses(serving_box).values() for address in found}
    assert listening
    assert {address for address in listening if not is_loopback(address)} == set()


def test_serve_takes_no_document_without_the_token(serving_box: ServingBox) -> None:
    url = f"{serving_box.box.ray_dashboard_url}/api/serve/applications/"
    assert httpx.put(url, json={"applications": []}).status_code == httpx.codes.UNAUTHORIZED
    wrong = {"Authorization": "Bearer wrong"}
    assert httpx.put(url, json={"applications": []}, headers=wrong).status_code == httpx.codes.FORBIDDEN


def test_parts_that_nobody_uses_do_not_run(serving_box: ServingBox) -> None:
    """What `ray_start_hook` leaves out of Ray 2.60; a new Ray version may have moved it."""
    commands = [" ".join(process.cmdline()) for process in ray_processes(serving_box)]
    assert [one for one in commands if "ray-dashboard-" in one and "ServeHead" not in one] == []
    assert [one for one in commands if "ray.util.client.server" in one or "monitor.py" in one] == []
