"""Stand-in for Microsoft Entra's token service and for managed identities, mounted under /entra."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from cix_sandbox.accounts import ENTRA
from cix_sandbox.entra import refusals
from cix_sandbox.entra.endpoints import PREFIX, Endpoints
from cix_sandbox.entra.switches import FAULT_KINDS, NAME, SWITCHES
from cix_sandbox.entra.tokens import create_schema, expire_tokens, reset, seed
from cix_sandbox.problems import unknown

if TYPE_CHECKING:
    import sqlite3

    from starlette.responses import Response
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


def ready(_: sqlite3.Connection) -> None:
    """Leave the tables empty: tenant and applications are constants."""


def routes(state: SandboxState) -> list[BaseRoute]:
    """Return the routes relative to `PREFIX`."""
    return [*Endpoints(state).routes()]


def members(_: sqlite3.Connection, list_id: str) -> list[dict[str, Any]]:
    """Say that there are no lists here.

    Raises:
        ControlError: Always.
    """
    raise unknown("list", list_id, ())


def credentials(_: sqlite3.Connection, base: str) -> dict[str, str]:
    """Return the credentials of the ready application and of the managed identity."""
    application = ENTRA.applications[0]
    return {
        "tenant_id": ENTRA.tenant_id,
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "authority": f"{base}{PREFIX}",
        "token_url": f"{base}{PREFIX}/{ENTRA.tenant_id}/oauth2/v2.0/token",
        "identity_endpoint": f"{base}{PREFIX}/msi/token",
        "identity_header": ENTRA.identity_header,
    }


def fault_answer(fault: Fault) -> Response:
    """Return an injected error in the form of the service's own."""
    if fault.status == HTTPStatus.TOO_MANY_REQUESTS:
        body = refusals.body("temporarily_unavailable", refusals.THROTTLED, "There are too many incoming requests.")
    else:
        body = refusals.body("temporarily_unavailable", refusals.UNAVAILABLE, "A transient error has occurred.")
    return JSONResponse(body if fault.body is None else fault.body, fault.status, fault.headers)
