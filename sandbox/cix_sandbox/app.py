"""The application: every platform under its prefix, the control API under /sandbox."""

from __future__ import annotations

import functools
import sqlite3
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from cix_sandbox import campaign_monitor, constant_contact, dataverse, entra
from cix_sandbox.constant_contact import links
from cix_sandbox.control import EXCEPTION_HANDLERS, Control
from cix_sandbox.fault_middleware import FaultMiddleware
from cix_sandbox.problems import ControlError
from cix_sandbox.requests_log import RequestLogMiddleware
from cix_sandbox.state import SandboxState, make_state
from cix_sandbox.store import StoreError, open_store, read_meta, transaction, write_meta

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cix_sandbox.contract import Platform

PLATFORMS: tuple[Platform, ...] = (campaign_monitor, constant_contact, dataverse, entra)
LAST_URL = "last_url"
"""Key in the store's memory of where it was last served."""


def create_app(
    data_dir: Path, *, url: str = "", export: Path | None = None, platforms: Sequence[Platform] = PLATFORMS
) -> Starlette:
    """Return the sandbox on a data directory, which is made ready when it is new.

    Args:
        data_dir: Directory of the store.
        url: Address that it will be served at, remembered for `cix-sandbox credentials`.
        export: Export folder that the Dataverse environment is to hold, now and after every reset.
        platforms: The stand-ins to mount.

    Raises:
        StoreError: The data directory cannot be used.
        ControlError: The export folder cannot be read.
    """
    connection = open_store(data_dir)
    try:
        prepare(connection, platforms)
        write_meta(connection, LAST_URL, url)
        if export is not None:
            with transaction(connection):
                dataverse.hold_export(connection, export)
    except ControlError:
        connection.close()
        raise
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"cannot write the store in {data_dir}: {error}; choose another with --data-dir") from error
    state = make_state(
        connection,
        [switch for platform in platforms for switch in platform.SWITCHES],
        [kind for platform in platforms for kind in platform.FAULT_KINDS],
    )
    app = Starlette(
        routes=[
            *(_mount(state, platform) for platform in platforms),
            Mount("/sandbox", routes=Control(state, platforms).routes()),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    app.mount(links.LINKED, functools.partial(links.follow_link, app))
    return app


def prepare(connection: sqlite3.Connection, platforms: Sequence[Platform] = PLATFORMS) -> None:
    """Create the schemas, and the ready accounts of each platform that has none yet."""
    for platform in platforms:
        platform.create_schema(connection)
        if read_meta(connection, f"ready.{platform.NAME}") is None:
            with transaction(connection):
                platform.ready(connection)
                write_meta(connection, f"ready.{platform.NAME}", "yes")


def _mount(state: SandboxState, platform: Platform) -> Mount:
    return Mount(
        platform.PREFIX,
        routes=list(platform.routes(state)),
        middleware=[
            Middleware(RequestLogMiddleware, log=state.log, platform=platform.NAME),
            Middleware(
                FaultMiddleware,
                faults=state.faults,
                platform=platform.NAME,
                answer=platform.fault_answer,
                expire_tokens=functools.partial(platform.expire_tokens, state.connection),
            ),
        ],
    )
