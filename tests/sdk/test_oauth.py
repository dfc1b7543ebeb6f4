"""A token is renewed by one process at a time, stored before it is used, and its end is told in plain words."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk import http
from audience_sdk.errors import (
    CONNECTION_LOST,
    CREDENTIALS_REFUSED,
    NOT_CONNECTED,
    PLATFORM_UNREACHABLE,
    THROTTLED,
    CixError,
)
from audience_sdk.http import Api
from audience_sdk.ledger import TokenStore
from audience_sdk.oauth import RefreshingToken, TokenEndpoint
from loopback import DROPPED, Answer, Request, Server, serving
from requests import PreparedRequest
from token_platform import SEED, TokenPlatform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_wait", lambda _state: 0)


@pytest.fixture
def tokens() -> TokenPlatform:
    return TokenPlatform()


@pytest.fixture
def server(tokens: TokenPlatform) -> Iterator[Server]:
    with serving(answer=tokens.answer) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "ledger.db.tokens")


@pytest.fixture
def connect(store: TokenStore, server: Server) -> Callable[..., RefreshingToken]:
    """Return the authorisation of a connection as a new process would have it."""

    def make(refresh_token: str = SEED, url: str = server.url) -> RefreshingToken:
        return RefreshingToken(store, TokenEndpoint(url, "client", "client-secret", attempts=3), refresh_token)

    return make


def header_of(token: RefreshingToken) -> str:
    return str(token(PreparedRequestWithHeaders()).headers["Authorization"])


class PreparedRequestWithHeaders(PreparedRequest):
    def __init__(self) -> None:
        super().__init__()
        self.prepare_headers({})


def stored(store: TokenStore, server: Server) -> dict[str, Any]:
    with store.exclusive(f"{server.url} client {store.fingerprint(SEED)}") as values:
        return dict(values)


def test_the_token_of_the_settings_is_exchanged_and_the_answer_used(
    connect: Callable[..., RefreshingToken], server: Server, tokens: TokenPlatform
) -> None:
    assert header_of(connect()) == "Bearer access-1"
    assert tokens.refreshed_with == [SEED]
    credentials = base64.b64encode(b"client:client-secret").decode()
    assert server.requests[0].headers["Authorization"] == f"Basic {credentials}"
    assert server.requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_one_exchange_serves_many_requests_and_the_next_process(
    connect: Callable[..., RefreshingToken], tokens: TokenPlatform
) -> None:
    token = connect()

    assert {header_of(token) for _ in range(5)} | {header_of(connect())} == {"Bearer access-1"}
    assert tokens.refreshed_with == [SEED]


def test_a_new_token_is_stored_before_anything_uses_it(
    connect: Callable[..., RefreshingToken], server: Server, store: TokenStore
) -> None:
    seen: list[dict[str, Any]] = []

    def api_answer(_request: Request) -> Answer:
        seen.append(stored(store, server))
        return Answer()

    with serving(answer=api_answer) as api:
        Api(api.url, connect()).call("GET", "/")

    assert api.requests[0].headers["Authorization"] == "Bearer access-1"
    assert (seen[0]["access_token"], seen[0]["refresh_token"]) == ("access-1", "refresh-1")


@pytest.mark.parametrize("expires_in", [1, 60, 299])
def test_a_token_that_ends_soon_is_renewed_by_the_next_process_with_the_stored_one(
    connect: Callable[..., RefreshingToken], tokens: TokenPlatform, expires_in: int
) -> None:
    tokens.expires_in = expires_in

    assert [header_of(connect()) for _ in range(3)] == ["Bearer access-1", "Bearer access-2", "Bearer access-3"]
    assert tokens.refreshed_with == [SEED, "refresh-1", "refresh-2"]


def test_a_refused_token_is_renewed_with_the_rotated_one(
    connect: Callable[..., RefreshingToken], tokens: TokenPlatform
) -> None:
    token = connect()
    token.renew(header_of(token))

    assert header_of(token) == "Bearer access-2"
    assert tokens.refreshed_with == [SEED, "refresh-1"]


def test_what_another_process_has_renewed_is_taken_without_a_request(
    connect: Callable[..., RefreshingToken], tokens: TokenPlatform
) -> None:
    mine, theirs = connect(), connect()
    refused = header_of(mine)
    theirs.renew(header_of(theirs))
    mine.renew(refused)

    assert header_of(mine) == header_of(theirs) == "Bearer access-2"
    assert len(tokens.refreshed_with) == 2


def test_threads_that_need_a_token_at_once_make_one_request(
    connect: Callable[..., RefreshingToken], tokens: TokenPlatform
) -> None:
    token = connect()
    together = threading.Barrier(8)

    def ask(_number: int) -> str:
        together.wait(10)
        return header_of(token)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"Bearer access-1"}
    assert tokens.refreshed_with == [SEED]


def test_after_connecting_again_the_new_token_of_the_settings_counts(
    connect: Callable[..., RefreshingToken], tokens: TokenPlatform
) -> None:
    header_of(connect())
    tokens.refresh_token = "seed-of-another-day"

    assert header_of(connect("seed-of-another-day")) == "Bearer access-2"
    assert tokens.refreshed_with == [SEED, "seed-of-another-day"]
    assert header_of(connect("seed-of-another-day")) == "Bearer access-2"


def test_two_connections_do_not_share_tokens(store: TokenStore, server: Server, tokens: TokenPlatform) -> None:
    for client in ("one", "two"):
        tokens.refresh_token = SEED
        header_of(RefreshingToken(store, TokenEndpoint(server.url, client, "client-secret"), SEED))

    assert tokens.refreshed_with == [SEED, SEED]


_REFRESH = """
import sys, time
from pathlib import Path
from audience_sdk.ledger import TokenStore
from audience_sdk.oauth import RefreshingToken, TokenEndpoint
from requests import PreparedRequest
path, url, name = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
token = RefreshingToken(TokenStore(path), TokenEndpoint(url, "client", "client-secret"), "seed-of-the-settings")
request = PreparedRequest()
request.prepare_headers({})
path.with_name(f"ready-{name}").touch()
while not path.with_name("go").exists():
    time.sleep(0.001)
print(token(request).headers["Authorization"])
"""


def test_processes_that_refresh_at_once_make_one_request(tmp_path: Path, tokens: TokenPlatform) -> None:
    names = ["a", "b", "c"]
    with serving(answer=tokens.answer) as server:
        command = [sys.executable, "-c", _REFRESH, str(tmp_path / "ledger.db.tokens"), server.url]
        processes = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in names]
        try:
            while not all((tmp_path / f"ready-{name}").exists() for name in names):
                assert all(process.poll() is None for process in processes)
                time.sleep(0.005)
            (tmp_path / "go").touch()
            said = [process.communicate(timeout=30)[0].strip() for process in processes]
        finally:
            for process in processes:
                process.kill()

    assert said == ["Bearer access-1"] * 3
    assert tokens.refreshed_with == [SEED]


def test_a_token_that_is_no_longer_honoured_ends_the_connection(
    connect: Callable[..., RefreshingToken], tokens: TokenPlatform, store: TokenStore, server: Server
) -> None:
    tokens.expires_in = 1
    header_of(connect())
    before = stored(store, server)
    tokens.refresh_token = "revoked"

    with pytest.raises(CixError) as caught:
        header_of(connect())

    assert caught.value.code is CONNECTION_LOST
    assert stored(store, server) == before


@pytest.mark.parametrize("status", [400, 401])
def test_a_client_that_is_not_known_is_a_matter_of_credentials(
    connect: Callable[..., RefreshingToken], status: int
) -> None:
    with serving(Answer(status, b'{"error":"invalid_client"}')) as server, pytest.raises(CixError) as caught:
        header_of(connect(url=server.url))

    assert caught.value.code is CREDENTIALS_REFUSED
    assert len(server.requests) == 1


@pytest.mark.parametrize("trouble", [Answer(429), Answer(503), DROPPED])
def test_a_fault_of_the_token_endpoint_is_tried_again(connect: Callable[..., RefreshingToken], trouble: Answer) -> None:
    token = json.dumps({"access_token": "mended", "token_type": "Bearer"}).encode()
    with serving(trouble, trouble, Answer(200, token)) as server:
        assert header_of(connect(url=server.url)) == "Bearer mended"


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(Answer(429), THROTTLED), (Answer(503), PLATFORM_UNREACHABLE), (DROPPED, PLATFORM_UNREACHABLE)],
)
def test_a_fault_that_does_not_mend_leaves_the_stored_token(
    connect: Callable[..., RefreshingToken], store: TokenStore, trouble: Answer, code: Any
) -> None:
    with serving(trouble) as server:
        with pytest.raises(CixError) as caught:
            header_of(connect(url=server.url))
        assert stored(store, server) == {}

    assert caught.value.code is code
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "body", [b"", b"<html>s-content</html>", b'{"s-content":1}', b"[]", b'"s-content"', b"\xff", b'{"error":"odd"}']
)
def test_an_answer_that_holds_no_token_is_told_without_its_content(
    connect: Callable[..., RefreshingToken], body: bytes
) -> None:
    with serving(Answer(200, body)) as server, pytest.raises(CixError) as caught:
        header_of(connect(url=server.url))

    assert caught.value.code is PLATFORM_UNREACHABLE
    assert "s-content" not in str(caught.value)


def test_a_token_endpoint_that_asks_for_a_long_wait_is_left_alone_since_all_connections_wait_for_it(
    connect: Callable[..., RefreshingToken],
) -> None:
    token = json.dumps({"access_token": "mended", "token_type": "Bearer"}).encode()
    with serving(Answer(429, headers={"Retry-After": "60"}), Answer(200, token)) as server:
        with pytest.raises(CixError) as caught:
            header_of(connect(url=server.url))
        assert len(server.requests) == 1
        assert caught.value.code is THROTTLED
        assert header_of(connect(url=server.url)) == "Bearer mended"

    with serving(Answer(429, headers={"Retry-After": "5"}), Answer(200, token)) as server:
        assert header_of(connect(url=f"{server.url}/other")) == "Bearer mended"


def test_a_refresh_token_that_does_not_rotate_is_kept(
    connect: Callable[..., RefreshingToken], store: TokenStore
) -> None:
    token = json.dumps({"access_token": "a", "token_type": "Bearer"}).encode()
    with serving(Answer(200, token)) as server:
        header_of(connect(url=server.url))
        assert stored(store, server)["refresh_token"] == SEED


def test_no_secret_is_logged_shown_or_raised(
    connect: Callable[..., RefreshingToken], tokens: TokenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = connect()
    header_of(token)
    shown = repr(token)
    tokens.refresh_token = "revoked"
    with pytest.raises(CixError) as caught:
        token.renew(header_of(token))

    for text in (shown, caplog.text, str(caught.value)):
        assert not any(secret in text for secret in (SEED, "client-secret", "access-1", "refresh-1"))


def in_store(store: TokenStore, endpoint: TokenEndpoint, name: str = "") -> RefreshingToken:
    """A connection whose settings hold no refresh token."""
    return RefreshingToken(store, endpoint, login_name=name)


def test_without_a_login_and_without_a_refresh_token_nothing_is_asked(store: TokenStore, server: Server) -> None:
    with pytest.raises(CixError) as caught:
        header_of(in_store(store, TokenEndpoint(server.url, "client")))

    assert caught.value.code is NOT_CONNECTED
    assert "`login`" in caught.value.action
    assert server.requests == []


@pytest.mark.parametrize(
    ("public", "names_client", "header", "in_body"),
    [(False, True, True, False), (True, True, False, True), (False, False, False, False)],
    ids=["with a secret", "public", "known by the token"],
)
def test_a_refresh_names_the_client_as_the_login_did(
    store: TokenStore, server: Server, *, public: bool, names_client: bool, header: bool, in_body: bool
) -> None:
    endpoint = TokenEndpoint(server.url, "client", "client-secret", names_client=names_client)
    token = in_store(store, endpoint)
    token.keep({"access_token": "old", "refresh_token": SEED, "expires_at": 0}, public=public)

    assert header_of(token) == "Bearer access-1"
    [request] = server.requests
    assert ("Authorization" in request.headers) is header
    assert (b"client_id=client" in request.body) is in_body
    assert b"client-secret" not in request.body


def test_a_login_takes_the_place_of_all_that_was_there(store: TokenStore, server: Server) -> None:
    token = in_store(store, TokenEndpoint(server.url, "client"))
    token.keep({"access_token": "a", "refresh_token": SEED, "scope": "one two", "expires_at": 0}, public=True)
    token.keep({"access_token": "b", "expires_at": time.time() + 1_000}, public=True)

    assert header_of(token) == "Bearer b"
    assert token.scopes() is None
    with pytest.raises(CixError) as caught:
        token.renew("Bearer b")
    assert caught.value.code is CONNECTION_LOST
    assert server.requests == []


def test_a_login_without_a_refresh_token_never_brings_back_the_token_of_the_settings(
    connect: Callable[..., RefreshingToken], server: Server
) -> None:
    token = connect()
    token.keep({"access_token": "of the login", "expires_at": time.time() + 1_000}, public=True)

    assert header_of(token) == "Bearer of the login"
    with pytest.raises(CixError) as caught:
        token.renew("Bearer of the login")
    assert caught.value.code is CONNECTION_LOST
    assert server.requests == []


def test_a_login_counts_for_a_process_that_is_under_way(store: TokenStore, server: Server) -> None:
    mine, theirs = (in_store(store, TokenEndpoint(server.url, "client")) for _ in range(2))
    mine.keep({"access_token": "a", "expires_at": time.time() + 1_000}, public=True)
    header = header_of(mine)
    theirs.keep({"access_token": "b", "expires_at": time.time() + 1_000}, public=True)
    mine.renew(header)

    assert header_of(mine) == "Bearer b"


@pytest.mark.parametrize(("said", "known"), [("one two", {"one", "two"}), ("One,Two", {"One", "Two"})])
def test_scopes_are_told_whatever_is_between_them(
    store: TokenStore, server: Server, said: str, known: set[str]
) -> None:
    token = in_store(store, TokenEndpoint(server.url, "client"))
    token.keep({"access_token": "a", "scope": said, "expires_at": 0}, public=True)

    assert token.scopes() == known


def test_logins_with_names_are_kept_apart(store: TokenStore, server: Server) -> None:
    for name in ("", "second"):
        tokens_of_it = {"access_token": f"of {name}", "expires_at": time.time() + 1_000}
        in_store(store, TokenEndpoint(server.url, "client"), name).keep(tokens_of_it, public=True)

    assert header_of(in_store(store, TokenEndpoint(server.url, "client"))) == "Bearer of "
    assert header_of(in_store(store, TokenEndpoint(server.url, "client"), "second")) == "Bearer of second"
