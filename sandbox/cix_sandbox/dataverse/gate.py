"""The door of the Web API: who may come in, how often, and what they are shown."""

from __future__ import annotations

import asyncio
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cix_sandbox.accounts import ENTRA
from cix_sandbox.dataverse import errors, metadata
from cix_sandbox.dataverse.columns import MEMBERSHIP, PROFILE, SEGMENT
from cix_sandbox.dataverse.errors import CONTENT_TYPE, HEADERS, Refusal
from cix_sandbox.dataverse.protection import Protection
from cix_sandbox.dataverse.query import read_options, read_preferences
from cix_sandbox.dataverse.schema import row_id
from cix_sandbox.dataverse.switches import NAME
from cix_sandbox.dataverse.tables import Asked, Tables
from cix_sandbox.dataverse.views import View, views
from cix_sandbox.entra.tokens import DATAVERSE, bearer_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from cix_sandbox.state import SandboxState

PREFIX = "/dataverse"
API = "/api/data"
_VERSION = re.compile(r"v9\.[0-2]")
_ROWS = re.compile(r"(?P<set>\w+)(?P<count>/\$count)?")
_LIMIT_FAULTS = {
    "request_limit": errors.TOO_MANY_REQUESTS,
    "execution_time_limit": errors.TOO_MUCH_TIME,
    "concurrency_limit": errors.TOO_MANY_AT_A_TIME,
}
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Gate:
    """Checks every request and answers it."""

    def __init__(self, state: SandboxState) -> None:
        """Serve one sandbox."""
        self._state = state
        self._tables = Tables(state)
        self._protection = Protection(state.connection, state.switches)

    def routes(self) -> list[Route]:
        """Return the routes below `PREFIX`."""
        return [Route(f"{API}/{{version}}/{{path:path}}", self._handle, methods=_METHODS)]

    async def _handle(self, request: Request) -> Response:
        user = ""
        try:
            user = self._user(request)
            now = self._now()
            self._protection.begin(user, now)
            began = time.perf_counter()
            work = self._state.switches.number(f"{NAME}.work_seconds")
            try:
                await asyncio.sleep(work)
                answer = self._answer(request, user)
            finally:
                # Waiting is work here; the time that other requests took meanwhile is not.
                seconds = work or time.perf_counter() - began
                self._protection.end(user, now, seconds)
        except Refusal as refusal:
            answer = refusal.answer()
        if user:
            answer.headers.update(self._protection.headers(user, self._now()))
        return answer

    def _now(self) -> float:
        return self._state.clock.now().timestamp()

    def _user(self, request: Request) -> str:
        """Return the application user that asks.

        Raises:
            Refusal: There is no token that opens the environment, or its holder is no user of it.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        holder = bearer_of(self._state.connection, token.strip(), DATAVERSE, self._now())
        if scheme.lower() != "bearer" or holder is None:
            raise _Unauthorized(_origin(request))
        if any(application.client_id == holder and not application.is_user for application in ENTRA.applications):
            message = "The user is not a member of the organization."
            raise Refusal(HTTPStatus.FORBIDDEN, errors.NOT_A_MEMBER, message)
        return holder

    def _answer(self, request: Request, user: str) -> Response:
        version, path = request.path_params["version"], request.path_params["path"]
        self._refuse_by_fault(request)
        if request.method != "GET":
            message = "The tables of Customer Insights are read only."
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, errors.INVALID_QUERY, message)
        most = self._state.switches.number(f"{NAME}.url_characters")
        if most and len(str(request.url)) > most:
            raise Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "", "The request URL is too long.")
        if not _VERSION.fullmatch(version):
            raise errors.no_resource(version)
        base = f"{_origin(request)}{API}/{version}"
        if path in {"WhoAmI", "WhoAmI()"}:
            return _who_am_i(base, user)
        known = views(self._state.connection, self._state.switches)
        if path.startswith("EntityDefinitions"):
            options = read_options(request.url.query, metadata.OPTIONS)
            tables = [view.table for view in known]
            return JSONResponse(metadata.describe(path, options, tables, self._flags(), base), headers=_head())
        return self._rows(request, user, known, base)

    def _rows(self, request: Request, user: str, known: list[View], base: str) -> Response:
        path = request.path_params["path"]
        parts = _ROWS.fullmatch(path)
        view = next((view for view in known if parts and view.table.set_name == parts["set"]), None)
        if parts is None or view is None:
            raise errors.no_resource(path.split("(")[0])
        self._check_right(request, user, view.table.logical_name)
        options = read_options(request.url.query)
        if parts["count"]:
            return self._tables.count(view, options)
        preferences = read_preferences(",".join(request.headers.getlist("Prefer")))
        asked = Asked(view, base, request.url.path, request.url.query, options, preferences)
        answer, request.state.rows = self._tables.answer(asked)
        return answer

    def _refuse_by_fault(self, request: Request) -> None:
        for kind, code in _LIMIT_FAULTS.items():
            fault = self._state.faults.take(kind, NAME, request.method, request.url.path)
            if fault is not None:
                raise errors.throttled(code, fault.seconds)

    def _check_right(self, request: Request, user: str, table: str) -> None:
        switches = self._state.switches
        allowed = {
            PROFILE: switches.flag(f"{NAME}.right_to_profiles"),
            MEMBERSHIP: switches.flag(f"{NAME}.right_to_memberships"),
            SEGMENT: switches.text(f"{NAME}.metadata_table") != "forbidden",
        }[table]
        revoked = self._state.faults.take("revoked_right", NAME, request.method, request.url.path)
        if revoked is not None or not allowed:
            raise errors.missing_privilege(row_id(f"user {user}"), table)

    def _flags(self) -> dict[str, object]:
        switches = self._state.switches
        return {
            "ChangeTrackingEnabled": switches.flag(f"{NAME}.change_tracking"),
            "TableType": "Elastic" if switches.flag(f"{NAME}.elastic_tables") else "Standard",
        }


class _Unauthorized(Refusal):
    """401: no token, or none that opens the environment; it has no body."""

    def __init__(self, origin: str) -> None:
        super().__init__(HTTPStatus.UNAUTHORIZED, "", "")
        self._origin = origin

    def answer(self) -> Response:
        """Return it as a response, with the address to get a token from."""
        authority = f"{self._origin.removesuffix(PREFIX)}/entra/{ENTRA.tenant_id}/oauth2/authorize"
        challenge = f"Bearer authorization_uri={authority}, resource_id={self._origin}/"
        return Response(status_code=self.status, headers={**HEADERS, "WWW-Authenticate": challenge})


def _origin(request: Request) -> str:
    """Return the organisation's URL as the client wrote it."""
    return f"{request.url.scheme}://{request.url.netloc}{PREFIX}"


def _head() -> dict[str, str]:
    return {**HEADERS, "Content-Type": CONTENT_TYPE}


def _who_am_i(base: str, user: str) -> Response:
    body = {
        "@odata.context": f"{base}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
        "BusinessUnitId": row_id("business unit"),
        "UserId": row_id(f"user {user}"),
        "OrganizationId": row_id("organization"),
    }
    return JSONResponse(body, headers=_head())
