"""The links in answers, which start at the root of the service's host: `/v3/...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/constantcontact"
LINKED = "/v3"


async def follow_link(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Handle a request to `LINKED` as the same request below `PREFIX`.

    Args:
        app: The whole sandbox.
        scope: As in ASGI.
        receive: As in ASGI.
        send: As in ASGI.
    """
    path = PREFIX + scope["path"]
    await app({**scope, "path": path, "raw_path": path.encode(), "root_path": ""}, receive, send)
