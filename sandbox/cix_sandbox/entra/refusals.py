"""The token service's errors: an OAuth error whose description begins with a number, AADSTS...

Numbers: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from http import HTTPStatus

from starlette.responses import JSONResponse

UNKNOWN_TENANT = 90002
UNKNOWN_APPLICATION = 700016
WRONG_SECRET = 7000215
EXPIRED_SECRET = 7000222
NO_SECRET = 7000218
UNKNOWN_RESOURCE = 500011
WRONG_SCOPE = 1002012
MALFORMED_ASSERTION = 50027
ASSERTION_TIME = 700024
ASSERTION_AUDIENCE = 700023
ASSERTION_SUBJECT = 700021
UNKNOWN_CERTIFICATE = 700027
WRONG_GRANT = 70003
THROTTLED = 90055
UNAVAILABLE = 90033


class Refused(Exception):  # noqa: N818  (an answer, not a fault of the program)
    """A token that is not given out.

    Attributes:
        status: HTTP status.
        error: OAuth's word for it.
        number: The service's own number.
        text: What is wrong.
    """

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        """Keep the parts of the answer."""
        super().__init__(text)
        self.status = status
        self.error = error
        self.number = number
        self.text = text

    def answer(self) -> JSONResponse:
        """Return it as a response."""
        return JSONResponse(body(self.error, self.number, self.text), self.status)


def body(error: str, number: int, text: str) -> dict[str, object]:
    """Return the JSON body of an error."""
    time = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    ids = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}"
    return {
        "error": error,
        "error_description": f"AADSTS{number}: {text} {ids}",
        "error_codes": [number],
        "timestamp": time,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }


def invalid_client(number: int, text: str) -> Refused:
    """Return the refusal of an application that did not show who it is."""
    return Refused(HTTPStatus.UNAUTHORIZED, "invalid_client", number, text)


def bad_request(error: str, number: int, text: str) -> Refused:
    """Return the refusal of a request that cannot be."""
    return Refused(HTTPStatus.BAD_REQUEST, error, number, text)
