"""The address on this machine that a browser brings the answer of a consent page to."""

from __future__ import annotations

import hmac
import os
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from audience_sdk.errors import LOGIN_FAILED, SETTING_INVALID, STOPPED, CixError

if TYPE_CHECKING:
    import threading
    from types import TracebackType

    from typing_extensions import Self

_LOOK_UP_SECONDS = 0.2
"""How often a stop is looked for."""

_SILENCE_SECONDS = 5
"""A caller that says nothing for so long is not the browser."""

_DONE = b"<!doctype html><title>Connected</title><p>The answer has arrived. You can close this page."
_REFUSED = b"<!doctype html><title>Refused</title><p>This is not the answer to a question that was asked here."


class Loopback:
    """Waits for one answer, on 127.0.0.1 alone.

    Args:
        redirect_url: Where the platform sends the browser, such as `http://127.0.0.1:8912/callback`; with port 0 a
            free one is taken.

    Attributes:
        url: The address with its port.

    Raises:
        CixError: `SETTING_INVALID` if it is no such address, `LOGIN_FAILED` if the port is taken.
    """

    def __init__(self, redirect_url: str) -> None:
        place = _place_of(redirect_url)
        try:
            self._server = _Server(("127.0.0.1", place.port), _Handler)
        except OSError as error:
            message = f"Port {place.port} of this machine, where the browser is to come back to, cannot be used"
            action = "Choose another one in `login_redirect_url`, registered with the application, or free this one."
            raise CixError(LOGIN_FAILED, f"{message}: {error.strerror}.", action) from error
        self._server.path = place.path
        self._server.timeout = _LOOK_UP_SECONDS
        self.url = f"http://{place.host}:{self._server.server_port}{place.path}"

    def __enter__(self) -> Self:
        """Return the waiting server."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        self._server.server_close()

    def wait(self, state: str, seconds: float, stop: threading.Event) -> str:
        """Wait for the answer that has the right state; others are refused and do not end the wait.

        A denial may come without a state, as some platforms send it: it ends the wait, and nothing but the denial is
        taken from it.

        Args:
            state: What the answer must repeat, so that nobody else can give it.
            seconds: How long to wait.
            stop: Set when the wait is to end.

        Returns:
            The query of the answer.

        Raises:
            CixError: `LOGIN_FAILED` if none came in time, `STOPPED`.
        """
        self._server.state = state
        deadline = time.monotonic() + seconds
        while self._server.answer is None:
            if stop.is_set():
                raise CixError(STOPPED, "The login was stopped; nothing was stored.")
            if time.monotonic() > deadline:
                raise CixError(LOGIN_FAILED, f"The browser did not come back within {seconds:.0f} s.")
            self._server.handle_request()
        return self._server.answer


@dataclass(frozen=True)
class _Place:
    host: str
    port: int
    path: str


def _place_of(url: str) -> _Place:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme != "http" or host not in {"127.0.0.1", "localhost"} or port is None or parts.query:
        message = "Setting `login_redirect_url` must be like `http://127.0.0.1:8912/callback`."
        raise CixError(SETTING_INVALID, message)
    return _Place(host, port, parts.path or "/")


class _Server(HTTPServer):
    # Elsewhere it lets a second login use the port at once that a first one has left; on Windows it would let it take
    # over the port that a first one waits at.
    allow_reuse_address = os.name != "nt"
    path = "/"
    state = ""
    answer: str | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about callers that hang up; the default prints a traceback."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SILENCE_SECONDS

    def do_GET(self) -> None:
        """Take the answer of the browser, once."""
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        said = query.get("state", [""])[-1]
        here = parts.path == self.server.path
        if here and "state" not in query and "error" in query:
            answer = urlencode({"error": query["error"][-1], "state": self.server.state})
        elif here and hmac.compare_digest(said.encode(), self.server.state.encode()):
            answer = parts.query
        else:
            answer = None
        right = answer is not None
        if right and self.server.answer is None:
            self.server.answer = answer
        page = _DONE if right else _REFUSED
        self.send_response(200 if right else 400)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *args: Any) -> None:
        """Keep quiet: the path holds the code."""
