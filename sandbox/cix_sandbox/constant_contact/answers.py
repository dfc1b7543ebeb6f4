"""The shapes of Constant Contact's answers: most errors are arrays, a few are objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from cix_sandbox.constant_contact.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

INVALID = "contacts.api.validation.error"
NOT_FOUND = "contacts.api.not_found"
CONFLICT = "contacts.api.conflict"

_encode = msgspec.json.Encoder().encode


class Refusal(Exception):  # noqa: N818  (an answer, not a fault of the program)
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        body: JSON body.
        headers: Headers beyond the usual ones.
    """

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """Keep the parts of the answer."""
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}

    def answer(self) -> Response:
        """Return it as a response."""
        return answer(self.body, self.status, self.headers)


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response with the service's request ids and no rate-limit headers."""
    return Response(
        _encode(body),
        status,
        {**tracking(), **(headers or {})},
        media_type="application/json",
    )


def no_content() -> Response:
    """Return 204."""
    return Response(status_code=204, headers=tracking())


def tracking() -> dict[str, str]:
    """Return the headers by which the service's support finds a request."""
    return {"x-amzn-requestid": new_id(), "x-eig-tracking-id": new_id()}


def error_array(status: int, key: str, message: str) -> Refusal:
    """Return a refusal as an array: contacts, lists, fields and activities."""
    return Refusal(status, [{"error_key": key, "error_message": message}])


def error_object(status: int, key: str, message: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """Return a refusal as one object: 401, 429."""
    return Refusal(status, {"error_key": key, "error_message": message}, headers)


def invalid(*problems: str) -> Refusal:
    """Return 400 for what is wrong with the request, such as "name is missing"."""
    return error_array(400, INVALID, ", ".join(problems))


def invalid_value(*names: str) -> Refusal:
    """Return 400 for properties or parameters whose value cannot be."""
    return invalid(*(f"{name} does not have a valid value" for name in names))


def not_found(message: str) -> Refusal:
    """Return 404."""
    return error_array(404, NOT_FOUND, message)


def malformed_id(name: str) -> Refusal:
    """Return 404 for an identifier in a path that is none."""
    return not_found(f"{name} is in an invalid format.")


def conflict(message: str) -> Refusal:
    """Return 409."""
    return error_array(409, CONFLICT, message)


def unauthorized() -> Refusal:
    """Return 401 for a missing, unknown or expired access token."""
    return error_object(
        401,
        "unauthorized",
        "Unauthorized",
        {
            "WWW-Authenticate": "Bearer realm=api.cc.email",
            "x-amzn-ErrorType": "UnauthorizedException",
        },
    )


def throttled() -> Refusal:
    """Return 429 for too many requests in a second."""
    return error_object(429, "throttled", "Too Many Requests")


def quota_exceeded() -> Refusal:
    """Return 429 for a day's requests that are spent."""
    return error_object(429, "quota_exceeded", "Limit Exceeded")


def forbidden(form: str) -> Refusal:
    """Return 403; no source shows its body.

    Args:
        form: `array`, `object`, or `gateway` for a refusal before the application.
    """
    if form == "gateway":
        return Refusal(403, {"message": "Forbidden"})
    make = error_array if form == "array" else error_object
    return make(403, "forbidden", "Forbidden")
