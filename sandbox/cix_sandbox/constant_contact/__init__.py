"""Stand-in for the Constant Contact V3 API and its OAuth server, mounted under /constantcontact."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from cix_sandbox.constant_contact import (
    account,
    activities,
    bulk,
    contacts,
    exports,
    fields,
    lists,
    sign_ups,
)
from cix_sandbox.constant_contact.answers import answer, error_array, throttled, unauthorized
from cix_sandbox.constant_contact.browser import Browser
from cix_sandbox.constant_contact.gate import Gate
from cix_sandbox.constant_contact.links import PREFIX
from cix_sandbox.constant_contact.oauth import TokenEndpoint
from cix_sandbox.constant_contact.ready import credentials, ready
from cix_sandbox.constant_contact.schema import create_schema, reset
from cix_sandbox.constant_contact.seeds import members, seed
from cix_sandbox.constant_contact.switches import FAULT_KINDS, NAME, SWITCHES
from cix_sandbox.constant_contact.tokens import expire_access_tokens as expire_tokens

if TYPE_CHECKING:
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

# A path without parameters stands before the one that would take its last part for an identifier.
_ENDPOINTS = (
    *account.ENDPOINTS,
    *sign_ups.ENDPOINTS,
    *contacts.ENDPOINTS,
    *lists.ENDPOINTS,
    *fields.ENDPOINTS,
    *bulk.ENDPOINTS,
    *exports.ENDPOINTS,
    *activities.ENDPOINTS,
)


def routes(state: SandboxState) -> list[BaseRoute]:
    """Return the routes of the OAuth server and of the API, relative to `PREFIX`."""
    return [*TokenEndpoint(state).routes(), *Browser(state).routes(), *Gate(state, _ENDPOINTS).routes()]


def fault_answer(fault: Fault) -> Response:
    """Return the error answer of an injected fault, with the service's own body unless it brings one."""
    own = {401: unauthorized(), 429: throttled()}.get(fault.status)
    phrase = HTTPStatus(fault.status).phrase
    refusal = own or error_array(fault.status, phrase.lower().replace(" ", "_"), phrase)
    body = refusal.body if fault.body is None else fault.body
    return answer(body, fault.status, {**refusal.headers, **fault.headers})
