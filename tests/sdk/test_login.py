"""The device flow goes on while a person may still answer, and ends clearly when nobody can any more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk import http
from audience_sdk.errors import CREDENTIALS_REFUSED, LOGIN_FAILED, STOPPED, CixError
from audience_sdk.login import BrowserLogin, DeviceLogin
from audience_sdk.oauth import TokenEndpoint
from loopback import DROPPED, Answer, Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

GRANTED = Answer(200, b'{"access_token":"a-token","refresh_token":"r","token_type":"Bearer","expires_in":60}')


def said(error: str) -> Answer:
    return Answer(400, json.dumps({"error": error}).encode())


class Waits:
    """Stands in for the event that ends a login; notes how long it was waited for, and waits for nothing."""

    def __init__(self, stopped_after: int = 1_000) -> None:
        self.seconds: list[float] = []
        self._stopped_after = stopped_after

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return self.is_set()

    def is_set(self) -> bool:
        return len(self.seconds) > self._stopped_after


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_wait", lambda _state: 0)


@pytest.fixture
def waits() -> Waits:
    return Waits()


def started(**changes: Any) -> Answer:
    answer = {
        "device_code": "the-device-code",
        "user_code": "ABCD",
        "verification_uri": "https://example.com/activate",
        "verification_uri_complete": "https://example.com/activate?user_code=ABCD",
        "expires_in": 600,
        "interval": 5,
    }
    return Answer(200, json.dumps({name: value for name, value in (answer | changes).items() if value}).encode())


def device(server: Server, waits: Waits) -> DeviceLogin:
    endpoint = TokenEndpoint(f"{server.url}/token", "client", attempts=1, stop=waits)  # type: ignore[arg-type]
    return DeviceLogin(endpoint, "one two", start_url=f"{server.url}/device")


@pytest.fixture
def told() -> list[str]:
    return []


def polls(server: Server) -> int:
    return sum(b"device_code=the-device-code" in request.body for request in server.requests)


@pytest.mark.parametrize("blip", [Answer(503), Answer(429), DROPPED, Answer(200, b"<html>")])
def test_a_blip_between_two_questions_costs_no_login(waits: Waits, told: list[str], blip: Answer) -> None:
    with serving(started(), said("authorization_pending"), blip, GRANTED) as server:
        tokens = device(server, waits).tokens(told.append)

    assert tokens["access_token"] == "a-token"
    assert tokens["scope"] == "one two"
    assert polls(server) == 3


def test_whoever_is_asked_to_slow_down_does(waits: Waits, told: list[str]) -> None:
    with serving(started(), said("slow_down"), said("authorization_pending"), said("slow_down"), GRANTED) as server:
        device(server, waits).tokens(told.append)

    assert [seconds for seconds in waits.seconds if seconds] == [5, 10, 10, 15]


def test_the_person_sees_page_and_code_and_no_secret(waits: Waits, told: list[str]) -> None:
    with serving(started(), GRANTED) as server:
        device(server, waits).tokens(told.append)

    assert "https://example.com/activate?user_code=ABCD" in told[0]
    assert "type the code ABCD" in told[1]
    assert not any(secret in "".join(told) for secret in ("the-device-code", "a-token"))


def test_what_a_terminal_would_obey_is_not_shown(waits: Waits, told: list[str]) -> None:
    with serving(started(user_code="A\x1b[2JB", verification_uri_complete=None), GRANTED) as server:
        device(server, waits).tokens(told.append)

    assert "\x1b" not in "".join(told)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(401, b'{"error":"invalid_client"}'), CREDENTIALS_REFUSED),
        (Answer(400, b'{"error":"invalid_scope"}'), LOGIN_FAILED),
        (Answer(200, b"<html>"), LOGIN_FAILED),
        (Answer(200, b"[]"), LOGIN_FAILED),
        (Answer(200, b"{}"), LOGIN_FAILED),
    ],
)
def test_a_login_that_does_not_begin_ends_clearly(waits: Waits, told: list[str], answer: Answer, code: Any) -> None:
    with serving(answer) as server, pytest.raises(CixError) as caught:
        device(server, waits).tokens(told.append)

    assert caught.value.code is code
    assert told == []


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "invalid_grant", "something_new"])
def test_a_refusal_ends_it(waits: Waits, told: list[str], error: str) -> None:
    with serving(started(), said(error)) as server, pytest.raises(CixError) as caught:
        device(server, waits).tokens(told.append)

    assert caught.value.code is LOGIN_FAILED
    assert polls(server) == 1


def test_a_signal_ends_it(told: list[str]) -> None:
    with serving(started(), said("authorization_pending")) as server, pytest.raises(CixError) as caught:
        device(server, Waits(stopped_after=2)).tokens(told.append)

    assert caught.value.code is STOPPED


def test_it_ends_when_the_code_does(waits: Waits, told: list[str]) -> None:
    with serving(started(expires_in=0.001), said("authorization_pending")) as server, pytest.raises(CixError) as caught:
        device(server, waits).tokens(told.append)

    assert caught.value.code is LOGIN_FAILED
    assert "in time" in caught.value.message


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else has."""
    with serving(Answer()) as server:
        yield server.server_port


def test_a_port_that_is_taken_is_named(told: list[str], taken: int) -> None:
    login = BrowserLogin(
        TokenEndpoint("http://127.0.0.1:1/token", "client"),
        "one",
        authorize_url="http://127.0.0.1:1/authorize",
        redirect_url=f"http://127.0.0.1:{taken}/callback",
    )
    with pytest.raises(CixError) as caught:
        login.tokens(told.append)

    assert caught.value.code is LOGIN_FAILED
    assert str(taken) in caught.value.message
    assert "`login_redirect_url`" in caught.value.action
    assert told == []
