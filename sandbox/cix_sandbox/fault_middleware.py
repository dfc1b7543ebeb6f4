"""Lets injected faults strike requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cix_sandbox.faults import Fault, Faults

DROP_EXTENSION = "cix_sandbox.drop"
"""Key under the ASGI scope's `extensions`; its `cut` cuts the TCP connection."""


class FaultMiddleware:
    """Lets the faults strike the requests of one platform.

    Args:
        app: The platform's application.
        faults: The faults that are set.
        platform: Name of the platform.
        answer: Makes the platform's error answer of a `status` or `throttle` fault.
        expire_tokens: Expires every access token of the platform.
    """

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        platform: str,
        answer: Callable[[Fault], Response],
        expire_tokens: Callable[[], None],
    ) -> None:
        self._app = app
        self._faults = faults
        self._platform = platform
        self._answer = answer
        self._expire_tokens = expire_tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, with what is to go wrong on it.

        The request is read to its end first: a client that gives up while it waits has asked nonetheless.
        """
        striking = self._faults.striking(self._platform, scope["method"], scope["path"])
        if not striking:
            await self._app(scope, receive, send)
            return
        kinds = {fault.kind: fault for fault in striking}
        scope["state"]["faults"] = list(kinds)
        body = await _read(receive)
        await asyncio.sleep(_seconds(striking, "latency"))
        if "expired_token" in kinds:
            self._expire_tokens()
        refusal = kinds.get("status") or kinds.get("throttle")
        if "drop_before" in kinds:
            await _drop(scope, receive)
        elif refusal:
            await self._answer(refusal)(scope, receive, send)
        else:
            answer = await self._handle(scope, body, receive)
            await asyncio.sleep(_seconds(striking, "slow_answer"))
            if "drop_after" in kinds:
                await _drop(scope, receive)
            else:
                await _send_all(answer, send)

    async def _handle(self, scope: Scope, body: Message, receive: Receive) -> list[Message]:
        """Let the platform handle a request that has been read, and return its answer unsent."""
        unread = [body]
        answer: list[Message] = []

        async def replay() -> Message:
            return unread.pop() if unread else await receive()

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._app(scope, replay, keep)
        return answer


def _seconds(faults: list[Fault], kind: str) -> float:
    return sum(fault.seconds for fault in faults if fault.kind == kind)


async def _read(receive: Receive) -> Message:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return message
        body += message.get("body", b"")
        if not message.get("more_body"):
            return {"type": "http.request", "body": body, "more_body": False}


async def _send_all(messages: list[Message], send: Send) -> None:
    for message in messages:
        await send(message)


async def _drop(scope: Scope, receive: Receive) -> None:
    scope["extensions"][DROP_EXTENSION]["cut"]()
    while (await receive())["type"] != "http.disconnect":
        pass
