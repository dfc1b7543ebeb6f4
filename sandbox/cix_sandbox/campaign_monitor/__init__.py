"""The stand-in of Campaign Monitor (createsend API v3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from cix_sandbox.accounts import CAMPAIGN_MONITOR, CAMPAIGN_MONITOR_APPLICATION
from cix_sandbox.campaign_monitor import errors
from cix_sandbox.campaign_monitor.api import FAULT_KINDS, Api
from cix_sandbox.campaign_monitor.auth import expire_tokens
from cix_sandbox.campaign_monitor.members import members
from cix_sandbox.campaign_monitor.oauth import OAuth
from cix_sandbox.campaign_monitor.schema import create_schema, ready, reset
from cix_sandbox.campaign_monitor.seeding import seed
from cix_sandbox.campaign_monitor.switches import NAME, SWITCHES
from cix_sandbox.campaign_monitor.wire import CONTENT_TYPE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from starlette.routing import BaseRoute

    from cix_sandbox.faults import Fault
    from cix_sandbox.state import SandboxState

__all__ = [
    "FAULT_KINDS",
    "NAME",
    "PREFIX",
    "SWITCHES",
    "create_schema",
    "credentials",
    "expire_tokens",
    "fault_answer",
    "members",
    "ready",
    "reset",
    "routes",
    "seed",
]

PREFIX = "/createsend"
_CODE_BY_STATUS = {401: errors.INVALID_API_KEY}


def routes(state: SandboxState) -> Sequence[BaseRoute]:
    """Return the routes of the API and of OAuth."""
    return [*OAuth(state).routes(), Api(state).route()]


def credentials(_: sqlite3.Connection, base: str) -> dict[str, str]:
    """Return the credentials of the ready account, and the application that a login goes through instead."""
    return {
        "api_key": CAMPAIGN_MONITOR.api_key,
        "oauth_client_id": CAMPAIGN_MONITOR_APPLICATION.client_id,
        "oauth_client_secret": CAMPAIGN_MONITOR_APPLICATION.client_secret,
        "client_id": CAMPAIGN_MONITOR.client_id,
        "list_id": CAMPAIGN_MONITOR.list_id,
        "base_url": f"{base}{PREFIX}/api/v3.3",
    }


def fault_answer(fault: Fault) -> Response:
    """Return an injected error in the form of the service's own."""
    code = _CODE_BY_STATUS.get(fault.status, fault.status)
    message = errors.MESSAGES.get(code, errors.MESSAGES[errors.SERVER_ERROR])
    body = {"Code": code, "Message": message} if fault.body is None else fault.body
    head = {"Content-Type": CONTENT_TYPE, **fault.headers}
    return JSONResponse(body, fault.status, head)
