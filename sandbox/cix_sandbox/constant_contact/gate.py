"""What every request to the API passes first: token, limits, rights, and the form of the request."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.routing import Route

from cix_sandbox.constant_contact import answers
from cix_sandbox.constant_contact.answers import Refusal
from cix_sandbox.constant_contact.limits import take_from_day, take_from_second
from cix_sandbox.constant_contact.machine import settle
from cix_sandbox.constant_contact.switches import NAME
from cix_sandbox.constant_contact.tokens import Access, access_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from cix_sandbox.state import SandboxState

JSON = "application/json"
MULTIPART = "multipart/form-data"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_WITH_BODY = ("POST", "PUT", "PATCH")
_PRIVILEGES = {
    "account:read": 1,
    "contacts:read": 11,
    "contacts:write": 12,
    "contacts:lists:read": 13,
    "contacts:lists:write": 14,
}


@dataclass(frozen=True)
class Call:
    """A request that has passed the gate.

    Attributes:
        request: The request.
        state: The sandbox.
        access: What the caller's token opens.
        now: The time, in seconds since 1970-01-01 UTC.
        body: The body, unpacked.
    """

    request: Request
    state: SandboxState
    access: Access
    now: float
    body: bytes

    @property
    def connection(self) -> sqlite3.Connection:
        """The store."""
        return self.state.connection

    @property
    def account_id(self) -> int:
        """The account that the token belongs to."""
        return self.access.account_id

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters of the query."""
        return dict(self.request.query_params)

    @property
    def second(self) -> int:
        """The time in whole seconds, as contacts, lists and fields keep it."""
        return int(self.now)

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def flag(self, name: str) -> bool:
        """Return a true/false switch."""
        return self.state.switches.flag(f"{NAME}.{name}")

    def text(self, name: str) -> str:
        """Return a switch with named choices."""
        return self.state.switches.text(f"{NAME}.{name}")

    def number(self, name: str) -> float:
        """Return a numeric switch."""
        return self.state.switches.number(f"{NAME}.{name}")

    def json(self) -> dict[str, Any]:
        """Return the body, which must be an object.

        Raises:
            Refusal: It is not JSON or no object.
        """
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise answers.invalid(f"request body is not valid: {error}") from error


@dataclass(frozen=True)
class Endpoint:
    """One method of one path.

    Attributes:
        method: HTTP method.
        path: Path below the platform's prefix.
        handler: Answers it.
        scope: OAuth scope that it needs; None for none.
        privilege: Privilege that the person who granted access needs; None for none.
        takes: Media type of its body.
        gives: Media type of its answer; None for one that is given whatever is accepted.
    """

    method: str
    path: str
    handler: Callable[[Call], Response]
    scope: str | None = "contact_data"
    privilege: str | None = None
    takes: str = JSON
    gives: str | None = JSON


class Gate:
    """Lets requests through to the endpoints."""

    def __init__(self, state: SandboxState, endpoints: Iterable[Endpoint]) -> None:
        """Guard the endpoints of one sandbox."""
        self._state = state
        self._by_path: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            self._by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint

    def routes(self) -> list[Route]:
        """Return the routes, relative to the platform's prefix; the last takes what is unknown."""
        by_path = {**self._by_path, "/v3/{unknown:path}": {}}
        return [self._route(path, by_method) for path, by_method in by_path.items()]

    def _route(self, path: str, by_method: dict[str, Endpoint]) -> Route:
        async def handle(request: Request) -> Response:
            body = await request.body()
            try:
                return self._serve(request, body, by_method)
            except Refusal as refusal:
                return refusal.answer()

        return Route(path, handle, methods=_METHODS)

    def _serve(self, request: Request, body: bytes, by_method: dict[str, Endpoint]) -> Response:
        now = self._state.clock.now().timestamp()
        if 0 < self._number("gateway_bytes") < len(body):
            raise Refusal(413, {"message": "Request Too Long"})
        access = self._authenticate(request, now)
        self._check_limits(access, now)
        endpoint = _endpoint(request.method, by_method)
        body = self._check_form(request, endpoint, body)
        self._check_rights(access, endpoint)
        settle(self._state.connection, now)
        return endpoint.handler(Call(request, self._state, access, now, body))

    def _authenticate(self, request: Request, now: float) -> Access:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token and self._state.switches.text(f"{NAME}.missing_token_status") == "403":
            raise self._forbidden()
        access = access_of(self._state.connection, token, now) if scheme.lower() == "bearer" else None
        if access is None:
            raise answers.unauthorized()
        if not self._state.switches.flag(f"{NAME}.application_active"):
            raise self._forbidden()
        return access

    def _check_limits(self, access: Access, now: float) -> None:
        connection, client_id = self._state.connection, access.client_id
        if not take_from_second(connection, f"api {client_id}", self._number("requests_per_second"), now):
            raise answers.throttled()
        if not take_from_day(connection, client_id, self._number("requests_per_day"), now):
            raise answers.quota_exceeded()

    def _check_form(self, request: Request, endpoint: Endpoint, body: bytes) -> bytes:
        """Return the body, unpacked."""
        if endpoint.gives is not None and not _accepts(request.headers.get("accept", "*/*"), endpoint.gives):
            raise answers.error_array(406, "not_acceptable", f"Only {endpoint.gives} is available.")
        if request.method not in _WITH_BODY:
            return body
        unsupported = answers.error_array(415, "unsupported_media_type", f"Content-Type must be {endpoint.takes}.")
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != endpoint.takes:
            raise unsupported
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding == "gzip" and self._state.switches.flag(f"{NAME}.gzip_bodies"):
            try:
                return gzip.decompress(body)
            except (OSError, EOFError) as error:
                raise answers.invalid("request body is not gzip") from error
        if encoding != "identity":
            raise unsupported
        return body

    def _check_rights(self, access: Access, endpoint: Endpoint) -> None:
        granted = privileges(self._state.switches.text(f"{NAME}.privileges"))
        if endpoint.scope is not None and endpoint.scope not in access.scopes:
            raise self._forbidden()
        if endpoint.privilege is not None and endpoint.privilege not in granted:
            raise self._forbidden()

    def _forbidden(self) -> Refusal:
        return answers.forbidden(self._state.switches.text(f"{NAME}.forbidden_body"))

    def _number(self, name: str) -> float:
        return self._state.switches.number(f"{NAME}.{name}")


def privileges(kind: str) -> dict[str, int]:
    """Return the privileges of a person, name to number.

    Args:
        kind: `all`, `read_only` or `none`.
    """
    if kind == "none":
        return {}
    return {name: number for name, number in _PRIVILEGES.items() if kind == "all" or name.endswith("read")}


def _endpoint(method: str, by_method: dict[str, Endpoint]) -> Endpoint:
    if not by_method:
        raise answers.not_found("The requested resource does not exist.")
    if method not in by_method:
        raise answers.error_array(405, "method_not_allowed", f"{method} is not allowed here.")
    return by_method[method]


def _accepts(accept: str, media_type: str) -> bool:
    wanted = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return bool(wanted & {"*/*", media_type, f"{media_type.partition('/')[0]}/*"})
