"""The port that a browser comes back to takes the one right answer, or a denial, and can be used again at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

import pytest
import requests
from audience_sdk.errors import LOGIN_FAILED, CixError
from audience_sdk.login import BrowserLogin
from audience_sdk.loopback import Loopback
from audience_sdk.oauth import TokenEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS = 20


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as running:
        yield running


def come_back(url: str, **query: str) -> int:
    return requests.get(f"{url}?{urlencode(query)}", timeout=PATIENCE_SECONDS).status_code


def test_a_second_login_can_use_the_port_of_a_first_one_at_once(pool: ThreadPoolExecutor) -> None:
    with Loopback("http://127.0.0.1:0/callback") as first:
        waiting = pool.submit(first.wait, "s", PATIENCE_SECONDS, threading.Event())
        assert come_back(first.url, state="s", code="c") == 200
        assert waiting.result() == "state=s&code=c"

    with Loopback(first.url) as second:
        assert second.url == first.url
        with pytest.raises(CixError) as caught:
            Loopback(first.url)
    assert caught.value.code is LOGIN_FAILED


def test_a_denial_without_a_state_ends_the_wait_and_nothing_else_of_it_is_taken(pool: ThreadPoolExecutor) -> None:
    with Loopback("http://127.0.0.1:0/callback") as loopback:
        waiting = pool.submit(loopback.wait, "s", PATIENCE_SECONDS, threading.Event())
        assert come_back(loopback.url, code="stolen") == 400
        assert come_back(loopback.url, code="stolen", state="another") == 400
        assert come_back(loopback.url, error="access_denied", state="another") == 400
        assert come_back(f"{loopback.url}/elsewhere", error="access_denied") == 400
        assert come_back(loopback.url, error="access_denied", code="stolen") == 200
        assert waiting.result() == "error=access_denied&state=s"


def test_a_login_that_was_denied_without_a_state_says_so(pool: ThreadPoolExecutor) -> None:
    login = BrowserLogin(
        TokenEndpoint("http://127.0.0.1:1/token", "client"),
        "one",
        authorize_url="http://127.0.0.1:1/authorize",
        redirect_url="http://127.0.0.1:0/callback",
    )
    answered = []

    def tell(line: str) -> None:
        if "redirect_uri=" in line:
            redirect = unquote(line.partition("redirect_uri=")[2].partition("&")[0])
            answered.append(pool.submit(come_back, redirect, error="access_denied"))

    with pytest.raises(CixError) as caught:
        login.tokens(tell)

    assert caught.value.code is LOGIN_FAILED
    assert "refused at the platform" in caught.value.message
    assert answered[0].result() == 200
