"""Runs the application: one process, one event loop, one listening socket."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cix_sandbox.fault_middleware import DROP_EXTENSION

if TYPE_CHECKING:
    from types import FrameType

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


def end_with_success_on_signals() -> None:
    """Make SIGTERM and SIGINT end the process with exit code 0, also while it is not serving yet.

    While it serves, the signals are uvicorn's, which shuts down and then raises them again.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)


def run(app: Starlette, listener: socket.socket) -> None:
    """Serve until a signal ends it."""
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
    uvicorn.Server(config).run(sockets=[listener])


def _exit(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
