"""Campaign Monitor: connecting with OAuth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cm_api import REDIRECT, Api, ask_token, authorize, connect, exchange, problem, redirected

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox


@pytest.mark.parametrize("kind", ["web_server", ""])
def test_consent_leads_back_with_a_code_and_the_state(sandbox: RunningSandbox, kind: str) -> None:
    response = authorize(sandbox, type=kind)
    assert response.headers["Location"].startswith(f"{REDIRECT}?code=")
    assert redirected(response)["state"] == "s t&te"


def test_without_a_state_none_comes_back(sandbox: RunningSandbox) -> None:
    assert set(redirected(authorize(sandbox, state=""))) == {"code"}


def test_a_redirect_address_keeps_its_own_query(sandbox: RunningSandbox) -> None:
    back = redirected(authorize(sandbox, redirect_uri=f"{REDIRECT}?user=7"))
    assert back["user"] == "7"
    assert back["code"]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"scope": "ManageLists ImportSubscribers"}, "unknown_scope"),
        ({"scope": "Everything"}, "unknown_scope"),
        ({"type": "device"}, "invalid_request"),
    ],
)
def test_a_wrong_request_leads_back_with_an_error(sandbox: RunningSandbox, query: dict[str, str], error: str) -> None:
    back = redirected(authorize(sandbox, **query))
    assert back["error"] == error
    assert back["error_description"]
    assert back["state"] == "s t&te"
    assert "code" not in back


def test_an_owner_who_declines_leads_back_with_access_denied(cm: Api, sandbox: RunningSandbox) -> None:
    cm.switch(oauth_decision="deny")
    assert redirected(authorize(sandbox))["error"] == "access_denied"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"client_id": "7"}, "unknown_client"),
        ({"redirect_uri": "https://elsewhere.example.com/"}, "invalid_redirect_uri"),
        ({"redirect_uri": ""}, "invalid_redirect_uri"),
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    sandbox: RunningSandbox, query: dict[str, str], error: str
) -> None:
    response = authorize(sandbox, **query)
    assert response.status_code == 400
    assert response.json()["error"] == error


def test_a_code_is_exchanged_for_tokens_that_work(sandbox: RunningSandbox) -> None:
    answer = connect(sandbox)
    assert set(answer) == {"access_token", "expires_in", "refresh_token"}
    assert answer["expires_in"] == 1209600
    assert Api(sandbox, token=answer["access_token"]).get("/clients.json").status_code == 200


def test_a_code_works_once_and_not_for_long(sandbox: RunningSandbox) -> None:
    code = redirected(authorize(sandbox))["code"]
    assert exchange(sandbox, code).status_code == 200
    assert exchange(sandbox, code).json()["error"] == "invalid_grant"
    late = redirected(authorize(sandbox))["code"]
    sandbox.advance(301)
    assert exchange(sandbox, late).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"code": "made-up"}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "7"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_exchange_is_refused_in_the_words_of_oauth(
    sandbox: RunningSandbox, form: dict[str, str], error: str
) -> None:
    code = redirected(authorize(sandbox))["code"]
    response = exchange(sandbox, **{"code": code, **form})
    assert response.status_code == 400
    assert response.json()["error"] == error
    assert response.json()["error_description"]


def test_a_refresh_needs_nothing_but_the_refresh_token_which_stays(sandbox: RunningSandbox) -> None:
    first = connect(sandbox)
    sandbox.advance(first["expires_in"] + 1)
    for _ in range(2):
        again = ask_token(sandbox, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
        assert again["refresh_token"] == first["refresh_token"]
        assert again["access_token"] != first["access_token"]
        assert Api(sandbox, token=again["access_token"]).get("/clients.json").status_code == 200
    assert problem(Api(sandbox, token=first["access_token"]).get("/clients.json")) == (401, 121)


@pytest.mark.parametrize("status", ["400", "401"])
def test_a_wrong_refresh_token_is_invalid_grant_with_the_switched_status(
    cm: Api, sandbox: RunningSandbox, status: str
) -> None:
    cm.switch(oauth_error_status=status)
    response = ask_token(sandbox, grant_type="refresh_token", refresh_token="wrong")
    assert response.status_code == int(status)
    assert response.json() == {
        "error": "invalid_grant",
        "error_description": "Specified refresh_token was invalid or expired",
    }


def test_the_implicit_flow_hands_over_a_token_without_refresh(sandbox: RunningSandbox) -> None:
    response = authorize(sandbox, type="user_agent")
    assert response.headers["Location"].startswith(f"{REDIRECT}#")
    back = redirected(response)
    assert "refresh_token" not in back
    assert Api(sandbox, token=back["access_token"]).get("/clients.json").status_code == 200


def test_a_token_survives_a_restart(own_sandbox: RunningSandbox) -> None:
    answer = connect(own_sandbox)
    own_sandbox.kill()
    own_sandbox.start_again()
    assert Api(own_sandbox, token=answer["access_token"]).get("/clients.json").status_code == 200
    assert ask_token(own_sandbox, grant_type="refresh_token", refresh_token=answer["refresh_token"]).ok
