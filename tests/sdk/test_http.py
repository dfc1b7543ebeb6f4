"""One request is sent until it has a final answer, so often and no oftener, and nobody reads over its shoulder."""

from __future__ import annotations

import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from audience_sdk import http
from audience_sdk.errors import CONNECTION_LOST, PLATFORM_UNREACHABLE, STOPPED, THROTTLED, URL_INSECURE, CixError
from audience_sdk.http import Again, Api, Reply
from loopback import DROPPED, Answer, Request, serving
from requests.auth import AuthBase, HTTPBasicAuth

if TYPE_CHECKING:
    from pathlib import Path

    from requests import PreparedRequest

BUSY, TOO_MANY, FINE = Answer(503), Answer(429), Answer(200, b'{"fine":true}')


class NoTime(threading.Event):
    """An event on which waiting takes no time, and which remembers for how long it was waited on."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0)
        return self.is_set()


class Bearer(AuthBase):
    """A token that a test can change."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def api_of(url: str, **options: Any) -> Api:
    return Api(url, options.pop("auth", None), stop=options.pop("stop", NoTime()), **options)


def counted(api: Api) -> tuple[int, int, int]:
    """Requests, retries and bytes that were counted."""
    return api.traffic.requests, api.traffic.retries, api.traffic.bytes


def test_a_request_arrives_as_it_was_meant() -> None:
    with serving(FINE) as server:
        api = api_of(f"{server.url}/v1", auth=HTTPBasicAuth("key", "x"))
        reply = api.call("POST", "/rows", body=b'["a"]', params={"limit": 5}, headers={"X-More": "1"})

    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/v1/rows?limit=5", b'["a"]')
    assert request.headers["Content-Type"] == request.headers["Accept"] == "application/json"
    assert request.headers["X-More"] == "1"
    assert request.headers["Authorization"].startswith("Basic ")
    assert (reply.status, reply.ok, reply.json()) == (200, True, {"fine": True})
    assert counted(api) == (1, 0, 5)


def test_a_whole_address_is_not_put_below_the_base() -> None:
    with serving(FINE) as server:
        api_of("http://127.0.0.1:1/v1").call("GET", f"{server.url}/next?page=2")

    assert server.requests[0].target == "/next?page=2"


@pytest.mark.parametrize("trouble", [BUSY, TOO_MANY, DROPPED, Answer(500), Answer(502, b"<html>")])
def test_a_fault_is_tried_again_and_counted(trouble: Answer) -> None:
    with serving(trouble, trouble, FINE) as server:
        api = api_of(server.url)
        reply = api.call("POST", "/", body=b"12345")

    assert reply.ok
    assert [request.body for request in server.requests] == [b"12345"] * 3
    assert counted(api) == (3, 2, 15)


@pytest.mark.parametrize("status", [200, 201, 202, 207, 400, 403, 404, 409, 415])
def test_any_other_answer_is_final(status: int) -> None:
    with serving(Answer(status, b"said")) as server:
        reply = api_of(server.url).call("GET", "/")

    assert (reply.status, reply.body) == (status, b"said")
    assert len(server.requests) == 1


def test_a_platform_says_itself_which_answers_are_worth_another_try() -> None:
    def again(reply: Reply) -> Again | None:
        return Again.THROTTLED if reply.body == b"slow down" else None

    with serving(Answer(400, b"slow down"), BUSY) as server:
        reply = api_of(server.url, again=again).call("GET", "/")

    assert reply.status == 503
    assert len(server.requests) == 2


def test_the_waits_grow() -> None:
    stop = NoTime()
    with serving(BUSY) as server, pytest.raises(CixError):
        api_of(server.url, stop=stop, attempts=7).call("GET", "/")

    # The back-off is 0.5, 1, 2, ... with at most a second of jitter on top.
    assert len(stop.waits) == 6
    assert all(0.5 * 2**n <= wait <= 0.5 * 2**n + 1 for n, wait in enumerate(stop.waits))


@pytest.mark.parametrize("header", ["Retry-After", "retry-after", "X-RateLimit-Reset"])
@pytest.mark.parametrize(("asked", "seconds"), [("7", 7.0), ("12.5", 12.5)])
def test_the_wait_that_the_platform_asks_for_is_kept(header: str, asked: str, seconds: float) -> None:
    stop = NoTime()
    with serving(Answer(429, headers={header: asked}), FINE) as server:
        api_of(server.url, stop=stop).call("GET", "/")

    assert stop.waits == [seconds]


@pytest.mark.parametrize("asked", ["0", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-5", "\u00b2", ""])
def test_a_wait_that_says_nothing_usable_leaves_the_back_off(asked: str) -> None:
    stop = NoTime()
    with serving(Answer(429, headers={"Retry-After": asked}), FINE) as server:
        api_of(server.url, stop=stop).call("GET", "/")

    (wait,) = stop.waits
    assert 0.5 <= wait <= 1.5


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(BUSY, PLATFORM_UNREACHABLE), (DROPPED, PLATFORM_UNREACHABLE), (TOO_MANY, THROTTLED)],
)
def test_the_attempts_are_bounded_and_told(trouble: Answer, code: Any) -> None:
    with serving(trouble) as server, pytest.raises(CixError) as caught:
        api_of(server.url, attempts=4).call("GET", "/")

    assert len(server.requests) == 4
    assert caught.value.code is code
    assert server.url in caught.value.message
    assert "4 attempts" in caught.value.message


@pytest.mark.parametrize(("attempts", "sent"), [(2, 2), (10, 4), (1, 1)])
def test_a_call_can_ask_for_fewer_attempts_and_not_for_more(attempts: int, sent: int) -> None:
    with serving(BUSY) as server, pytest.raises(CixError):
        api_of(server.url, attempts=4).call("GET", "/", attempts=attempts)

    assert len(server.requests) == sent


@pytest.mark.parametrize(("host", "hinted"), [("127.0.0.1", True), ("127.0.0.2", False)])
def test_where_nobody_listens_the_sandbox_is_hinted_at_only_where_it_may_be_meant(host: str, hinted: bool) -> None:
    with socket.socket() as held:
        held.bind((host, 0))
        url = f"http://{host}:{held.getsockname()[1]}"
        with pytest.raises(CixError) as caught:
            api_of(url, attempts=2).call("GET", "/")

    assert caught.value.code is PLATFORM_UNREACHABLE
    assert url in caught.value.message
    assert ("make sandbox" in caught.value.action) == hinted


def test_a_redirect_is_not_followed_with_the_credentials() -> None:
    with serving(FINE) as elsewhere, serving(Answer(302, headers={"Location": elsewhere.url})) as server:
        reply = api_of(server.url, auth=Bearer("t-secret")).call("GET", "/")

    assert reply.status == 302
    assert elsewhere.requests == []


def test_credentials_of_the_machine_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(FINE) as server:
        api_of(server.url).call("GET", "/")

    assert "Authorization" not in server.requests[0].headers


def test_a_refused_token_is_renewed_once() -> None:
    auth, refused = Bearer("old"), []

    def renew(authorization: str) -> None:
        refused.append(authorization)
        auth.token = "new"

    def answer(request: Request) -> Answer:
        return FINE if request.headers["Authorization"] == "Bearer new" else Answer(401)

    with serving(answer=answer) as server:
        reply = api_of(server.url, auth=auth, renew=renew).call("POST", "/", body=b"same")

    assert reply.ok
    assert refused == ["Bearer old"]
    assert [request.body for request in server.requests] == [b"same", b"same"]


def test_a_token_that_is_refused_after_its_renewal_is_not_renewed_again() -> None:
    refused: list[str] = []
    with serving(Answer(401)) as server:
        reply = api_of(server.url, auth=Bearer("old"), renew=refused.append).call("GET", "/")

    assert reply.status == 401
    assert len(refused) == 1
    assert len(server.requests) == 2


def test_without_a_way_to_renew_a_refused_token_is_final() -> None:
    with serving(Answer(401)) as server:
        assert api_of(server.url, auth=Bearer("old")).call("GET", "/").status == 401

    assert len(server.requests) == 1


def test_no_retry_begins_once_the_run_is_to_stop() -> None:
    stop = threading.Event()

    def answer(_request: Request) -> Answer:
        stop.set()
        return Answer(503, headers={"Retry-After": "290"})

    with serving(answer=answer) as server, pytest.raises(CixError) as caught:
        Api(server.url, None, stop=stop).call("GET", "/")

    assert caught.value.code is STOPPED
    assert len(server.requests) == 1


def test_a_platform_that_asks_for_a_long_wait_is_left_alone_at_once() -> None:
    with serving(Answer(503, headers={"Retry-After": "86400"})) as server, pytest.raises(CixError) as caught:
        Api(server.url, None).call("GET", "/")

    assert caught.value.code is THROTTLED
    assert "86400 s" in caught.value.message
    assert len(server.requests) == 1


def test_a_request_that_may_have_arrived_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_wait", lambda _state: 0)
    with serving(Answer(503)) as server, pytest.raises(CixError) as faulty:
        Api(server.url, None, attempts=2).call("POST", "/")
    with serving(Answer(429)) as server, pytest.raises(CixError) as throttled:
        Api(server.url, None, attempts=2).call("POST", "/")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        api = Api(f"http://127.0.0.1:{nobody.getsockname()[1]}", None, attempts=2)
        with pytest.raises(CixError) as unsent:
            api.call("POST", "/")

    assert (faulty.value.in_doubt, throttled.value.in_doubt, unsent.value.in_doubt) == (True, False, False)


def test_a_renewal_does_not_make_it_forgotten_that_an_attempt_may_have_arrived() -> None:
    with serving(DROPPED, Answer(401), FINE) as server:
        looked: list[int] = []
        api = api_of(server.url, renew=lambda _authorization: None)
        reply = api.call("DELETE", "/", look_first=lambda: looked.append(len(server.requests)))

    assert reply.repeated
    assert looked == [1, 2]


def test_an_attempt_that_may_have_arrived_stays_in_doubt_when_the_renewal_fails() -> None:
    def renew(_authorization: str) -> None:
        raise CixError(CONNECTION_LOST, "The login has ended.")

    doubts = []
    for answers in ((DROPPED, Answer(401)), (Answer(401),)):
        with serving(*answers) as server, pytest.raises(CixError) as caught:
            api_of(server.url, renew=renew).call("DELETE", "/")
        doubts.append(caught.value.in_doubt)

    assert doubts == [True, False]


def test_what_befalls_the_request_for_a_token_puts_nothing_in_doubt() -> None:
    class NoToken(AuthBase):
        def __call__(self, _request: PreparedRequest) -> PreparedRequest:
            raise CixError(PLATFORM_UNREACHABLE, "The token endpoint did not answer.", in_doubt=True)

    with serving(FINE) as server, pytest.raises(CixError) as caught:
        api_of(server.url, auth=NoToken()).call("POST", "/")

    assert server.requests == []
    assert not caught.value.in_doubt


@pytest.mark.parametrize("url", ["http://api.example.com/v3", "ftp://127.0.0.2", "api.example.com"])
def test_secrets_are_sent_to_no_other_machine_unencrypted(url: str) -> None:
    with pytest.raises(CixError) as caught:
        http.check_url("api_url", url)

    assert caught.value.code is URL_INSECURE
    assert url not in str(caught.value)


@pytest.mark.parametrize("url", ["https://api.example.com/v3/", "http://127.0.0.1:8765/v3", "http://localhost/v3"])
def test_encrypted_and_local_urls_are_taken(url: str) -> None:
    assert http.check_url("api_url", url) == url.rstrip("/")


def test_a_wait_ends_when_the_run_is_to_stop() -> None:
    stop, asked = threading.Event(), threading.Event()

    def answer(_request: Request) -> Answer:
        asked.set()
        return Answer(503, headers={"Retry-After": "290"})

    with serving(answer=answer) as server, ThreadPoolExecutor(1) as pool:
        call = pool.submit(Api(server.url, None, stop=stop).call, "GET", "/")
        asked.wait(10)
        stop.set()
        error = call.exception(timeout=10)

    assert isinstance(error, CixError)
    assert error.code is STOPPED


def test_an_answer_is_awaited_no_longer_than_allowed() -> None:
    asked, over = [], threading.Event()

    def answer(_request: Request) -> Answer:
        asked.append(1)
        over.wait(10)
        return DROPPED

    with serving(answer=answer) as server:
        try:
            with pytest.raises(CixError) as caught:
                api_of(server.url, attempts=2, read_timeout=0.05).call("GET", "/")
        finally:
            over.set()

    assert caught.value.code is PLATFORM_UNREACHABLE
    assert len(asked) == 2


def test_the_traffic_of_several_threads_is_counted_whole() -> None:
    with serving(FINE) as server:
        api = api_of(server.url)
        with ThreadPoolExecutor(8) as pool:
            for _ in range(200):
                pool.submit(api.call, "POST", "/", body=b"123")

    assert counted(api) == (200, 0, 600)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff"])
def test_a_body_that_is_no_json_reads_as_nothing(body: bytes) -> None:
    assert Reply(200, {}, body).json() is None


@pytest.mark.parametrize("trouble", [BUSY, TOO_MANY, DROPPED])
def test_nothing_that_a_request_carries_is_logged_or_raised(trouble: Answer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = ("p1@example.com", "p1%40example.com", "t-secret", "h-secret")
    trouble = Answer(trouble.status, b"you are p1@example.com", drop=trouble.drop)
    with serving(trouble) as server, pytest.raises(CixError) as caught:
        api_of(server.url, auth=Bearer("t-secret"), attempts=2).call(
            "POST",
            "/contacts",
            body=b'{"email":"p1@example.com"}',
            params={"email": "p1@example.com"},
            headers={"X-Key": "h-secret"},
        )

    assert not any(secret in text for secret in secrets for text in (str(caught.value), caplog.text))


def test_a_reply_does_not_show_its_authorization() -> None:
    assert "t-secret" not in repr(Reply(200, {}, b"", "Bearer t-secret"))
