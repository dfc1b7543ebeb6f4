"""The request log: what the stand-ins were asked, without saying anything about anyone.

Of a query only the names of its parameters are kept, of bodies only their size and number of rows.
The log lives in memory and keeps the most recent requests.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cix_sandbox.clock import Clock

CAPACITY = 20_000


@dataclass(frozen=True)
class Entry:
    """One request to a stand-in.

    Attributes:
        seq: Number of the request since the start or the last clearing, from 1.
        time: When it was answered, ISO 8601 in UTC.
        platform: Platform that was asked.
        method: HTTP method.
        path: Path, with every part that looks like an address blotted out.
        query: Names of the query parameters.
        status: HTTP status of the answer, None when the connection was cut.
        rows: Number of rows in the body, where the platform counts them.
        bytes_in: Size of the request's body in bytes.
        bytes_out: Size of the answer's body in bytes.
        faults: Kinds of the faults that struck it.
    """

    seq: int
    time: str
    platform: str
    method: str
    path: str
    query: list[str]
    status: int | None
    rows: int | None
    bytes_in: int
    bytes_out: int
    faults: list[str]


class RequestLog:
    """The most recent requests.

    Attributes:
        clearings: How often the log was cleared.
    """

    def __init__(self, clock: Clock) -> None:
        """Start empty."""
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=CAPACITY)
        self._numbers = itertools.count(1)
        self.clearings = 0

    def add(self, **facts: Any) -> None:
        """Append a request; the facts are the attributes of `Entry` after `time`."""
        time = self._clock.now().isoformat(timespec="milliseconds")
        self._entries.append(Entry(next(self._numbers), time, **facts))

    def entries(self, *, platform: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """Return the requests with a number above `since`, oldest first."""
        return [asdict(entry) for entry in self._entries if entry.seq > since and platform in (None, entry.platform)]

    def clear(self) -> None:
        """Forget all requests, those that are being answered too, and number from 1 again."""
        self.clearings += 1
        self._entries.clear()
        self._numbers = itertools.count(1)


class RequestLogMiddleware:
    """Writes every request of one platform into the log.

    A handler states the number of rows of its request as `request.state.rows`.
    """

    def __init__(self, app: ASGIApp, log: RequestLog, platform: str) -> None:
        """Wrap a platform's application."""
        self._app = app
        self._log = log
        self._platform = platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request and log it, also when it is cut off, unless the log is cleared meanwhile."""
        scope["state"] = {}
        clearings = self._log.clearings
        status: int | None = None
        bytes_in = 0
        bytes_out = 0

        async def counted_receive() -> Message:
            nonlocal bytes_in
            message = await receive()
            bytes_in += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            nonlocal status, bytes_out
            if message["type"] == "http.response.start":
                status = message["status"]
            bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, counted_receive, counted_send)
        except ClientDisconnect:
            pass  # the client went away while it was sending; there is nobody to answer
        finally:
            if self._log.clearings == clearings:
                self._log.add(
                    platform=self._platform,
                    method=scope["method"],
                    path=_blot(scope["path"], "/"),
                    query=_names(scope["query_string"]),
                    status=status,
                    rows=scope["state"].get("rows"),
                    bytes_in=bytes_in,
                    bytes_out=bytes_out,
                    faults=scope["state"].get("faults", []),
                )


def _names(query: bytes) -> list[str]:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return [_blot(name, "&") for name, _ in pairs]


def _blot(text: str, separator: str) -> str:
    return separator.join("***" if "@" in part else part for part in text.split(separator))
