"""The API: authentication first, then routing, then the handler, as the service does it."""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import Route

from cix_sandbox.campaign_monitor import (
    account,
    auth,
    customfields,
    errors,
    listing,
    lists,
    pending,
    stats,
    subscribers,
    suppression,
)
from cix_sandbox.campaign_monitor.backend import open_backend
from cix_sandbox.campaign_monitor.call import Call
from cix_sandbox.campaign_monitor.errors import ApiError
from cix_sandbox.campaign_monitor.importing import import_subscribers
from cix_sandbox.campaign_monitor.states import State
from cix_sandbox.campaign_monitor.switches import NAME
from cix_sandbox.campaign_monitor.throttle import hit
from cix_sandbox.campaign_monitor.wire import Answer, Query, respond
from cix_sandbox.store import transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from cix_sandbox.campaign_monitor.auth import Identity
    from cix_sandbox.state import SandboxState

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
_GUARDED_VERSIONS = re.compile(r"(v3(?:\.\d+)?)(?:/(.*))?")
_SERVED_VERSIONS = ("v3.2", "v3.3")
_SUFFIX = ".json"
_REVOKED_TOKEN = "revoked_token"  # noqa: S105  (kind of a fault)

FAULT_KINDS = {_REVOKED_TOKEN: "revoke every OAuth access token issued so far (code 122)"}

_log = logging.getLogger(__name__)

_ANYONE: frozenset[str] = frozenset()
_OWNER = frozenset({"AdministerAccount"})
_LISTS = frozenset({"ManageLists"})
_PEOPLE = frozenset({"ImportSubscribers"})
_LISTS_OR_PEOPLE = _LISTS | _PEOPLE
_READERS = _LISTS_OR_PEOPLE | {"ViewSubscribersInReports"}


@dataclass(frozen=True)
class Endpoint:
    """One call of the API.

    Attributes:
        method: HTTP method.
        path: Path below the version, without suffix, with names in braces.
        handler: What answers it.
        scopes: Permissions of which a token needs one; empty for none.
    """

    method: str
    path: str
    handler: Callable[[Call], Answer]
    scopes: frozenset[str]

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression."""
        return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.path))


ENDPOINTS = (
    Endpoint("GET", "systemdate", account.read_system_date, _ANYONE),
    Endpoint("GET", "billingdetails", account.read_billing, _OWNER),
    Endpoint("GET", "primarycontact", account.read_primary_contact, _ANYONE),
    Endpoint("GET", "admins", account.read_admins, frozenset({"AdministerPersons"})),
    Endpoint("GET", "countries", account.read_countries, _ANYONE),
    Endpoint("GET", "timezones", account.read_time_zones, _ANYONE),
    Endpoint("GET", "clients", account.read_clients, _ANYONE),
    Endpoint("POST", "clients", account.create_client, _OWNER),
    Endpoint("GET", "clients/{client_id}", account.read_client, _ANYONE),
    Endpoint("GET", "clients/{client_id}/lists", account.read_lists, _ANYONE),
    Endpoint("GET", "clients/{client_id}/listsforemail", account.read_lists_for_email, _READERS),
    Endpoint("GET", "clients/{client_id}/segments", account.read_nothing_of_client, _LISTS),
    Endpoint("GET", "clients/{client_id}/tags", account.read_nothing_of_client, _ANYONE),
    Endpoint("GET", "clients/{client_id}/suppressionlist", suppression.read_suppressed, _READERS),
    Endpoint("POST", "clients/{client_id}/suppress", suppression.suppress, _LISTS_OR_PEOPLE),
    Endpoint("PUT", "clients/{client_id}/unsuppress", suppression.unsuppress, _LISTS_OR_PEOPLE),
    Endpoint("POST", "lists/{client_id}", lists.create_list, _LISTS),
    Endpoint("GET", "lists/{list_id}", lists.read_list, _READERS),
    Endpoint("PUT", "lists/{list_id}", lists.update_list, _LISTS),
    Endpoint("DELETE", "lists/{list_id}", lists.delete_list, _LISTS),
    Endpoint("GET", "lists/{list_id}/stats", stats.read_stats, _READERS),
    Endpoint("GET", "lists/{list_id}/segments", lists.read_segments, _LISTS),
    Endpoint("GET", "lists/{list_id}/customfields", customfields.read_fields, _READERS),
    Endpoint("POST", "lists/{list_id}/customfields", customfields.create_field, _LISTS),
    Endpoint("PUT", "lists/{list_id}/customfields/{key}", customfields.rename_field, _LISTS),
    Endpoint("DELETE", "lists/{list_id}/customfields/{key}", customfields.delete_field, _LISTS),
    Endpoint("PUT", "lists/{list_id}/customfields/{key}/options", customfields.change_options, _LISTS),
    *(
        Endpoint(
            "GET",
            f"lists/{{list_id}}/{state.label.lower()}",
            functools.partial(listing.list_subscribers, state),
            _READERS,
        )
        for state in State
    ),
    Endpoint("GET", "subscribers/{list_id}", subscribers.read_subscriber, _READERS),
    Endpoint("POST", "subscribers/{list_id}", subscribers.add_subscriber, _PEOPLE),
    Endpoint("PUT", "subscribers/{list_id}", subscribers.update_subscriber, _PEOPLE),
    Endpoint("DELETE", "subscribers/{list_id}", subscribers.delete_subscriber, _LISTS_OR_PEOPLE),
    Endpoint("POST", "subscribers/{list_id}/import", import_subscribers, _PEOPLE),
    Endpoint("GET", "subscribers/{list_id}/history", subscribers.read_history, _READERS),
    Endpoint("POST", "subscribers/{list_id}/unsubscribe", subscribers.unsubscribe, _LISTS_OR_PEOPLE),
)


class Api:
    """The handler of everything below `/api`."""

    def __init__(self, state: SandboxState) -> None:
        """Serve one sandbox."""
        self._state = state
        self._backend = open_backend(state.connection, state.switches)

    def route(self) -> Route:
        """Return the route that takes every path and method."""
        return Route("/api/{rest:path}", self._answer, methods=list(_METHODS))

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        headers: dict[str, str] = {}
        try:
            answer = await self._handle(request, body, headers)
        except ApiError as error:
            answer = Answer(error.body(), error.status)
        except sqlite3.Error:
            _log.exception("the store failed")
            failure = ApiError(errors.SERVER_ERROR)
            answer = Answer(failure.body(), failure.status)
        readable = "gzip" in request.headers.get("accept-encoding", "")
        return respond(
            answer,
            pretty=Query(request.query_params).flag("pretty"),
            gzipped=readable and self._state.switches.flag(f"{NAME}.gzip"),
            headers=headers,
        )

    async def _handle(self, request: Request, body: bytes, headers: dict[str, str]) -> Answer:
        version = _GUARDED_VERSIONS.fullmatch(request.path_params["rest"])
        if version is None:
            raise ApiError(errors.NOT_FOUND)
        identity = self._identify(request)
        self._take_from_bucket(identity, headers)
        endpoint, params = _route(request, version[1], version[2] or "")
        identity.demand(endpoint.scopes)
        if endpoint.handler is import_subscribers:
            latency = self._state.switches.number(f"{NAME}.import_latency_seconds")
            await asyncio.sleep(latency)
        call = Call(
            self._backend,
            identity,
            params,
            Query(request.query_params),
            body,
            self._now(),
        )
        try:
            with transaction(self._state.connection):
                pending.carry_out(self._backend, call.now)
                return endpoint.handler(call)
        finally:
            request.state.rows = call.rows

    def _identify(self, request: Request) -> Identity:
        connection = self._state.connection
        if self._state.faults.take(_REVOKED_TOKEN, NAME, request.method, request.url.path):
            auth.revoke_tokens(connection)
        return auth.identify(connection, request.headers.get("authorization", ""), self._now())

    def _take_from_bucket(self, identity: Identity, headers: dict[str, str]) -> None:
        switches = self._state.switches
        if switches.text(f"{NAME}.rate_limit") != "header_bucket":
            return
        limit = int(switches.number(f"{NAME}.bucket_limit"))
        usage = hit(
            self._state.connection,
            identity.credential,
            limit=limit,
            seconds=int(switches.number(f"{NAME}.bucket_seconds")),
            now=self._now(),
        )
        headers["X-RateLimit-Limit"] = str(limit)
        headers["X-RateLimit-Remaining"] = str(usage.remaining)
        headers["X-RateLimit-Reset"] = str(usage.reset)
        if not usage.allowed:
            raise ApiError(errors.RATE_LIMIT)

    def _now(self) -> int:
        return int(self._state.clock.now().timestamp())


def _route(request: Request, version: str, path: str) -> tuple[Endpoint, dict[str, str]]:
    """Return the call that a path names; JSON must be asked for, by suffix or header."""
    accepts_json = "json" in request.headers.get("accept", "")
    if path.lower().endswith(_SUFFIX):
        path = path[: -len(_SUFFIX)]
    elif not accepts_json:
        raise ApiError(errors.NOT_FOUND, "The sandbox speaks JSON only: add .json to the path")
    if version in _SERVED_VERSIONS:
        for endpoint in ENDPOINTS:
            match = endpoint.pattern.fullmatch(path)
            if match and endpoint.method == request.method:
                return endpoint, match.groupdict()
    raise ApiError(errors.NOT_FOUND)
