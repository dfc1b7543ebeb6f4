"""Constant Contact: tokens for a device that has no browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from cc_application import Application

_SCOPE = "contact_data account_read offline_access"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def start_device(cc: Application, **changes: str) -> requests.Response:
    form = {"client_id": cc.application.client_id, "scope": _SCOPE, **changes}
    return requests.post(f"{cc.base}/oauth2/default/v1/device/authorize", data=form, timeout=10)


def poll(cc: Application, device_code: str) -> requests.Response:
    return cc.token_request(
        secret=None, grant_type=_DEVICE_GRANT, device_code=device_code, client_id=cc.application.client_id
    )


def answer_page(url: str, user_code: str, decision: str) -> requests.Response:
    return requests.post(url, data={"user_code": user_code, "decision": decision}, timeout=10)


def test_a_device_waits_until_a_person_has_typed_its_code(cc: Application) -> None:
    started = start_device(cc).json()
    assert set(started) == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
    }
    assert poll(cc, started["device_code"]).json()["error"] == "authorization_pending"
    assert poll(cc, started["device_code"]).json()["error"] == "slow_down"
    page = requests.get(started["verification_uri_complete"], timeout=10)
    assert started["user_code"] in page.text
    assert answer_page(started["verification_uri"], started["user_code"].lower(), "approve").status_code == 200
    given = poll(cc, started["device_code"]).json()
    assert given["refresh_token"]
    assert poll(cc, started["device_code"]).json()["error"] == "invalid_grant"
    cc.token = given["access_token"]
    assert cc.get("/contacts").status_code == 200


def test_polling_at_the_interval_is_not_too_fast(cc: Application) -> None:
    started = start_device(cc).json()
    for _ in range(3):
        assert poll(cc, started["device_code"]).json()["error"] == "authorization_pending"
        cc.sandbox.advance(started["interval"])


def test_a_person_can_refuse_a_device(cc: Application) -> None:
    started = start_device(cc).json()
    answer_page(started["verification_uri"], started["user_code"], "deny")
    assert poll(cc, started["device_code"]).json()["error"] == "access_denied"


def test_a_device_code_expires(cc: Application) -> None:
    started = start_device(cc).json()
    cc.sandbox.advance(started["expires_in"] + 1)
    assert answer_page(started["verification_uri"], started["user_code"], "approve").status_code == 404
    assert poll(cc, started["device_code"]).json()["error"] == "expired_token"


def test_a_device_flow_can_come_without_a_refresh_token(cc: Application) -> None:
    cc.switch(device_refresh_token=False)
    started = start_device(cc).json()
    answer_page(started["verification_uri"], started["user_code"], "approve")
    assert "refresh_token" not in poll(cc, started["device_code"]).json()


def test_a_device_flow_starts_only_for_known_applications_and_scopes(cc: Application) -> None:
    assert start_device(cc, client_id="nobody").status_code == 401
    assert start_device(cc, scope="everything").json()["error"] == "invalid_scope"
    assert answer_page(f"{cc.base}/activate", "NOSUCH", "approve").status_code == 404
    assert poll(cc, "nonsense").json()["error"] == "invalid_grant"
