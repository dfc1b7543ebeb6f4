"""Stand-in for the Dataverse Web API of a Customer Insights environment, mounted under /dataverse."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from cix_sandbox.dataverse import errors
from cix_sandbox.dataverse.gate import API, PREFIX, Gate
from cix_sandbox.dataverse.schema import create_schema, reset
from cix_sandbox.dataverse.seeding import hold_export, members, ready, seed
from cix_sandbox.dataverse.switches import FAULT_KINDS, NAME, SWITCHES
from cix_sandbox.entra.tokens import expire_tokens

if TYPE_CHECKING:
    import sqlite3

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
    "hold_export",
    "members",
    "ready",
    "reset",
    "routes",
    "seed",
]


def routes(state: SandboxState) -> list[BaseRoute]:
    """Return the routes relative to `PREFIX`."""
    return [*Gate(state).routes()]


def credentials(_: sqlite3.Connection, base: str) -> dict[str, str]:
    """Return the addresses of the environment; who may come in is the business of Entra."""
    organization = f"{base}{PREFIX}"
    return {
        "organization_url": organization,
        "api_url": f"{organization}{API}/v9.2",
        "scope": f"{organization}/.default",
    }


def fault_answer(fault: Fault) -> Response:
    """Return an injected error in the form of the service's own."""
    if fault.body is not None:
        return errors.error(fault.status, fault.body, fault.headers)
    if fault.status == HTTPStatus.UNAUTHORIZED:
        return Response(status_code=fault.status, headers={**errors.HEADERS, **fault.headers})
    headers = {"Retry-After": "1"} if fault.status == HTTPStatus.TOO_MANY_REQUESTS else {}
    phrase = HTTPStatus(fault.status).phrase
    code = errors.TOO_MANY_REQUESTS if headers else errors.UNEXPECTED
    message = errors.PROTECTION_MESSAGES.get(code, phrase) if headers else phrase
    return errors.error(fault.status, errors.envelope(code, message), {**headers, **fault.headers})
