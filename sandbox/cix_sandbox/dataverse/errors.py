"""The Web API's errors: `{"error": {"code": "0x...", "message": "..."}}`.

Codes: https://learn.microsoft.com/power-apps/developer/data-platform/reference/web-service-error-codes
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

INVALID_QUERY = "0x80060888"
INVALID_ARGUMENT = "0x80040203"
UNKNOWN_TABLE = "0x80040217"
MISSING_PRIVILEGE = "0x80040220"
UNEXPECTED = "0x80040216"
NOT_A_MEMBER = "0x80072560"
TOO_MANY_CONDITIONS = "0x8004430C"
EXPIRED_VERSION = "0x80044352"
TOO_MANY_REQUESTS = "0x80072322"
TOO_MUCH_TIME = "0x80072321"
TOO_MANY_AT_A_TIME = "0x80072326"

PROTECTION_MESSAGES = {
    TOO_MANY_REQUESTS: "Number of requests exceeded the limit over the time window of 300 seconds.",
    TOO_MUCH_TIME: "Combined execution time of requests exceeded the limit over the time window of 300 seconds.",
    TOO_MANY_AT_A_TIME: "Number of concurrent requests exceeded the limit.",
}
HEADERS = {"OData-Version": "4.0"}
CONTENT_TYPE = "application/json; odata.metadata=minimal"


class Refusal(Exception):  # noqa: N818  (an answer, not a fault of the program)
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        code: The service's code.
        message: What is wrong.
        headers: Headers beyond the usual ones.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Keep the parts of the answer."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def answer(self) -> Response:
        """Return it as a response."""
        return error(self.status, envelope(self.code, self.message), self.headers)


def envelope(code: str, message: str) -> dict[str, Any]:
    """Return the body of an error."""
    return {"error": {"code": code, "message": message}}


def error(status: int, body: Any, headers: Mapping[str, str]) -> Response:
    """Return an error as a response."""
    return JSONResponse(body, status, {**HEADERS, "Content-Type": CONTENT_TYPE, **headers})


def invalid(message: str, code: str = INVALID_QUERY) -> Refusal:
    """Return 400 for a query that cannot be."""
    return Refusal(HTTPStatus.BAD_REQUEST, code, message)


def no_property(name: str, table: str) -> Refusal:
    """Return 400 for a column that the table does not have."""
    return invalid(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.")


def no_resource(segment: str) -> Refusal:
    """Return 404 for a path that leads nowhere."""
    return Refusal(HTTPStatus.NOT_FOUND, INVALID_QUERY, f"Resource not found for the segment '{segment}'.")


def throttled(code: str, retry_after: float) -> Refusal:
    """Return 429 of the service protection with one of its three codes."""
    headers = {"Retry-After": str(max(1, round(retry_after)))}
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, code, PROTECTION_MESSAGES[code], headers)


def missing_privilege(user: str, table: str) -> Refusal:
    """Return 403 for a table that the user may not read; the text names the right."""
    message = (
        f"Principal user (Id={user}, type=8, roleCount=1, privilegeCount=12, accessMode='4 Non-interactive') "
        f"is missing prvRead{table} privilege (Id=00000000-0000-4000-8000-0000000000ff) "
        f"on OTC=10500 for entity '{table}'. context.Caller={user}. "
        "Consider adding missed privilege to one of the principal (user/team) roles."
    )
    return Refusal(HTTPStatus.FORBIDDEN, MISSING_PRIVILEGE, message)
