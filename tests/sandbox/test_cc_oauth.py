"""Constant Contact: how an application comes by its tokens, and how it loses them."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cc_application import LONG_LIVED, OTHER, ROTATING, Application

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

_BACK = "http://127.0.0.1:9/back"
_SCOPE = "contact_data account_read offline_access"
_DAYS_180 = 180 * 86_400
_VERIFIER = "v" * 50
_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
_DEAD = {"error": "invalid_grant", "error_description": "The refresh token is invalid or expired."}


@pytest.fixture
def rotating(cc: Application) -> Application:
    """The application whose refresh tokens rotate; its first one is used up."""
    return Application(cc.sandbox, ROTATING)


def authorize(cc: Application, method: str = "GET", **changes: str | None) -> requests.Response:
    query: dict[str, Any] = {
        "client_id": cc.application.client_id,
        "redirect_uri": _BACK,
        "response_type": "code",
        "scope": _SCOPE,
        "state": "my state",
        **changes,
    }
    body = {"decision": query.pop("decision")} if "decision" in query else None
    return requests.request(
        method,
        f"{cc.base}/oauth2/default/v1/authorize",
        params=query,
        data=body,
        allow_redirects=False,
        timeout=10,
    )


def sent_back(answer: requests.Response) -> dict[str, str]:
    """Return the query with which the browser was sent back to the application."""
    assert answer.status_code == 302, answer.text
    address = urlsplit(answer.headers["Location"])
    assert answer.headers["Location"].startswith(_BACK)
    return {name: values[0] for name, values in parse_qs(address.query).items()}


def new_code(cc: Application, **changes: str | None) -> str:
    return sent_back(authorize(cc, **changes))["code"]


def exchange(cc: Application, code: str, **form: Any) -> requests.Response:
    return cc.token_request(grant_type="authorization_code", code=code, **{"redirect_uri": _BACK, **form})


# The answer of the token endpoint


def test_tokens_come_as_documented(cc: Application) -> None:
    answer = cc.refresh()
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"token_type", "expires_in", "access_token", "scope", "refresh_token"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 86_400)
    assert {"contact_data", "account_read", "offline_access"} <= set(body["scope"].split())


def test_an_access_token_is_a_jwt_of_the_documented_length(cc: Application) -> None:
    token = cc.refresh().json()["access_token"]
    assert 1_000 <= len(token) <= 1_200
    claims = token.split(".")[1]
    content = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert content["exp"] - content["iat"] == 86_400
    assert content["cid"] == LONG_LIVED.client_id


# Refresh


def test_a_rotating_refresh_token_works_once_and_its_successor_goes_on(rotating: Application) -> None:
    second = rotating.sandbox.control("GET", "/credentials")["constant_contact"]["refresh_token"]
    assert second != ROTATING.refresh_token
    assert rotating.refresh().json() == _DEAD
    third = rotating.refresh(second).json()["refresh_token"]
    assert third not in (second, ROTATING.refresh_token)
    assert rotating.refresh(second).status_code == 400
    assert rotating.refresh(third).status_code == 200


def test_all_earlier_refresh_tokens_die(rotating: Application) -> None:
    used = [ROTATING.refresh_token]
    token = rotating.sandbox.control("GET", "/credentials")["constant_contact"]["refresh_token"]
    for _ in range(3):
        used.append(token)
        token = rotating.refresh(token).json()["refresh_token"]
    assert [rotating.refresh(old).status_code for old in used] == [400] * 4
    assert rotating.refresh(token).status_code == 200


def test_a_reused_token_can_take_the_living_one_with_it(rotating: Application) -> None:
    token = rotating.sandbox.control("GET", "/credentials")["constant_contact"]["refresh_token"]
    rotating.switch(reuse_revokes_grant=True)
    assert rotating.refresh().json() == _DEAD
    assert rotating.refresh(token).json() == _DEAD


def test_a_long_lived_refresh_token_stays_the_same(cc: Application) -> None:
    for _ in range(3):
        assert cc.refresh().json()["refresh_token"] == LONG_LIVED.refresh_token


@pytest.mark.parametrize("application", [ROTATING, LONG_LIVED])
def test_a_refresh_token_dies_after_180_days_without_use(cc: Application, application: Any) -> None:
    caller = Application(cc.sandbox, application)
    token = caller.refresh(_current(caller)).json()["refresh_token"]
    cc.sandbox.advance(_DAYS_180 - 60)
    token = caller.refresh(token).json()["refresh_token"]
    cc.sandbox.advance(_DAYS_180 - 60)
    token = caller.refresh(token).json()["refresh_token"]
    cc.sandbox.advance(_DAYS_180 + 60)
    assert caller.refresh(token).json() == _DEAD


def _current(caller: Application) -> str:
    if caller.application is LONG_LIVED:
        return LONG_LIVED.refresh_token
    return str(caller.sandbox.control("GET", "/credentials")["constant_contact"]["refresh_token"])


def test_earlier_access_tokens_live_on_after_a_refresh_unless_switched(cc: Application) -> None:
    first = cc.token
    cc.refresh()
    assert cc.get("/contacts").status_code == 200
    cc.switch(refresh_expires_access_tokens=True)
    cc.token = cc.refresh().json()["access_token"]
    assert cc.get("/contacts").status_code == 200
    cc.token = first
    assert cc.get("/contacts").status_code == 401


def test_a_rotation_survives_a_crash_of_the_sandbox(own_sandbox: RunningSandbox) -> None:
    caller = Application(own_sandbox, ROTATING, token_requests_per_second=0)
    token = _current(caller)
    own_sandbox.kill()
    own_sandbox.start_again()
    assert caller.get("/contacts").status_code == 200
    assert caller.refresh().json() == _DEAD
    assert caller.refresh(token).status_code == 200


def test_a_refresh_whose_answer_is_lost_has_used_the_token(rotating: Application) -> None:
    token = _current(rotating)
    rotating.sandbox.fault("drop_after", platform="constant_contact", path="token$", count=1)
    with pytest.raises(requests.ConnectionError):
        rotating.refresh(token)
    assert rotating.refresh(token).json() == _DEAD


# Who asks


@pytest.mark.parametrize("secret", ["wrong", "sandbox-other-client-secret"])
def test_a_wrong_secret_gets_401(cc: Application, secret: str) -> None:
    answer = cc.token_request(secret=secret, grant_type="refresh_token", refresh_token=LONG_LIVED.refresh_token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_unknown_application_gets_401(cc: Application) -> None:
    url = f"{cc.base}/oauth2/default/v1/token"
    form = {"grant_type": "refresh_token", "refresh_token": LONG_LIVED.refresh_token}
    for credentials in (("nobody", "x"), None):
        answer = requests.post(url, data=form, auth=credentials, timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    for header in ("Basic ???", "Digest abc"):
        answer = requests.post(url, data=form, headers={"Authorization": header}, timeout=10)
        assert answer.json()["error"] == "invalid_client"


def test_a_confidential_application_cannot_leave_its_secret_out(cc: Application) -> None:
    answer = cc.token_request(
        secret=None,
        grant_type="refresh_token",
        refresh_token=LONG_LIVED.refresh_token,
        client_id=LONG_LIVED.client_id,
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_another_applications_refresh_token_is_invalid(cc: Application) -> None:
    assert cc.refresh(OTHER.refresh_token).json() == _DEAD


def test_a_body_that_is_no_form_gets_the_error_object_below_the_authorization_server(cc: Application) -> None:
    url = f"{cc.base}/oauth2/default/v1/token"
    known = (LONG_LIVED.client_id, LONG_LIVED.client_secret)
    body = {"grant_type": "refresh_token", "refresh_token": LONG_LIVED.refresh_token}
    answer = requests.post(url, json=body, auth=known, timeout=10)
    assert (answer.status_code, answer.json()["errorCode"]) == (415, "E0000021")
    assert set(answer.json()) == {"errorCode", "errorSummary", "errorLink", "errorId", "errorCauses"}


def test_the_query_can_carry_the_form(cc: Application) -> None:
    url = f"{cc.base}/oauth2/default/v1/token"
    known = (LONG_LIVED.client_id, LONG_LIVED.client_secret)
    query = {"grant_type": "refresh_token", "refresh_token": LONG_LIVED.refresh_token}
    assert requests.post(url, params=query, auth=known, timeout=10).status_code == 200


@pytest.mark.parametrize("grant", ["client_credentials", "password", ""])
def test_other_grants_do_not_exist(cc: Application, grant: str) -> None:
    answer = cc.token_request(grant_type=grant)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


# The code flow


def test_a_code_becomes_tokens_that_open_the_account(cc: Application) -> None:
    back = sent_back(authorize(cc))
    assert back["state"] == "my state"
    body = exchange(cc, back["code"]).json()
    assert body["scope"] == _SCOPE
    cc.token = body["access_token"]
    assert cc.get("/account/summary").json()["organization_name"] == "Sandbox Retail"
    assert cc.refresh(body["refresh_token"]).status_code == 200


def test_a_code_works_once(cc: Application) -> None:
    code = new_code(cc)
    assert exchange(cc, code).status_code == 200
    answer = exchange(cc, code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_code_lives_for_five_minutes(cc: Application) -> None:
    young, old = new_code(cc), new_code(cc)
    cc.sandbox.advance(295)
    assert exchange(cc, young).status_code == 200
    cc.sandbox.advance(10)
    assert exchange(cc, old).json()["error"] == "invalid_grant"


def test_a_code_is_bound_to_its_application_and_its_address(cc: Application) -> None:
    assert exchange(cc, new_code(cc), redirect_uri="http://127.0.0.1/other").json()["error"] == "invalid_grant"
    code = new_code(cc)
    cc.application = OTHER
    assert exchange(cc, code).json()["error"] == "invalid_grant"
    assert exchange(cc, "nonsense").json()["error"] == "invalid_grant"


def test_there_is_no_refresh_token_and_no_error_without_offline_access(cc: Application) -> None:
    body = exchange(cc, new_code(cc, scope="contact_data")).json()
    assert "refresh_token" not in body
    assert body["scope"] == "contact_data"


def test_a_code_without_pkce_needs_the_secret(cc: Application) -> None:
    answer = exchange(cc, new_code(cc), secret=None, client_id=LONG_LIVED.client_id)
    assert answer.json()["error"] == "invalid_client"


def test_pkce_needs_the_verifier_and_no_secret(cc: Application) -> None:
    challenge = {"code_challenge": _CHALLENGE, "code_challenge_method": "S256"}
    public: dict[str, Any] = {"secret": None, "client_id": LONG_LIVED.client_id}
    for wrong in ({"code_verifier": "x" * 50}, {}):
        answer = exchange(cc, new_code(cc, **challenge), **public, **wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    given = exchange(cc, new_code(cc, **challenge), **public, code_verifier=_VERIFIER).json()
    refreshed = cc.token_request(
        secret=None,
        grant_type="refresh_token",
        refresh_token=given["refresh_token"],
        client_id=LONG_LIVED.client_id,
    )
    assert refreshed.status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"scope": "contact_data everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        # %2B instead of a blank: the authorization server takes it for part of the name.
        ({"scope": "contact_data+offline_access"}, "invalid_scope"),
        ({"code_challenge": _CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": _CHALLENGE}, "invalid_request"),
    ],
)
def test_a_mistake_in_the_request_travels_back_to_the_application(
    cc: Application, changes: dict[str, str | None], error: str
) -> None:
    back = sent_back(authorize(cc, **changes))
    assert back["error"] == error
    assert back["state"] == "my state"
    assert "code" not in back


def test_a_request_without_state_is_refused(cc: Application) -> None:
    assert sent_back(authorize(cc, state=None))["error"] == "invalid_request"


@pytest.mark.parametrize("address", ["https://example.com/back", "ftp://127.0.0.1/", "http://[::1", "", None])
def test_nobody_is_sent_to_an_address_that_is_not_registered(cc: Application, address: str | None) -> None:
    answer = authorize(cc, redirect_uri=address)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_nobody_is_sent_back_to_an_unknown_application(cc: Application) -> None:
    answer = authorize(cc, client_id="nobody")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_person_can_refuse(cc: Application) -> None:
    cc.switch(authorize="deny")
    assert sent_back(authorize(cc))["error"] == "access_denied"


def test_a_person_can_be_asked(cc: Application) -> None:
    cc.switch(authorize="ask")
    page = authorize(cc)
    assert page.status_code == 200
    assert "<form" in page.text
    assert LONG_LIVED.client_id in page.text
    assert sent_back(authorize(cc, "POST", decision="deny"))["error"] == "access_denied"
    code = sent_back(authorize(cc, "POST", decision="approve"))["code"]
    assert exchange(cc, code).status_code == 200


def test_an_address_keeps_its_own_query(cc: Application) -> None:
    answer = authorize(cc, redirect_uri=f"{_BACK}?tenant=7")
    assert sent_back(answer)["tenant"] == "7"
