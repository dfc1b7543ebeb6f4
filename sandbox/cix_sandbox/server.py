"""Runs the application: one process, one event loop, one listening socket."""

from __future__ import annotations

import gc
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cix_sandbox.fault_middleware import DROP_EXTENSION

if TYPE_CHECKING:
    from starlette.applications import Starlette

_BACKLOG = 512
_SHUTDOWN_SECONDS = 2
_KEEP_ALIVE_SECONDS = 75
# A bulk import is thousands of objects alive at once and none in a cycle: looking for cycles seldom is enough.
_GC_THRESHOLD = 100_000


class DroppableProtocol(HttpToolsProtocol):
    """HTTP whose requests can be cut off, which ASGI itself has no word for."""

    def on_message_begin(self) -> None:
        """Hand the application the means to cut this connection."""
        super().on_message_begin()
        self.scope["extensions"] = {DROP_EXTENSION: {"cut": self.transport.abort}}


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that accepts connections.

    Args:
        host: Address to listen on.
        port: Port, or 0 for a free one.

    Raises:
        OSError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def make_server(app: Starlette) -> uvicorn.Server:
    """Return a server for the application that SIGTERM and SIGINT end, from now on and with exit code 0.

    The signals are uvicorn's only while it serves, and it raises them again afterwards. With its handler in place
    before and after, that is without a consequence, and a signal that comes early is not lost.
    """
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    config = uvicorn.Config(
        app,
        http=DroppableProtocol,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    server = uvicorn.Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    return server
