"""The service's error codes: HTTP status and message of each, and the exception that carries one.

Clients are to switch on the code; where the wording is not known from the service it is our own.
"""

from __future__ import annotations

from typing import Any

INVALID_EMAIL = 1
INVALID_DATE = 5
NO_PERMISSION = 60
INVALID_API_KEY = 100
INVALID_LIST_ID = 101
INVALID_CLIENT_ID = 102
INVALID_TOKEN = 120
EXPIRED_TOKEN = 121
REVOKED_TOKEN = 122
TOO_MANY_CLIENTS = 172
NOT_SUPPRESSED = 176
ADDRESS_TAKEN = 201
NOT_ON_LIST = 203
SUPPRESSED = 204
DELETED = 205
UNSUBSCRIBED = 206
BOUNCED = 207
UNCONFIRMED = 208
BATCH_TOO_LARGE = 209
IMPORT_FAILURES = 210
INVALID_NEW_EMAIL = 211
EMPTY_BATCH = 212
CONSENT_MISSING_LIVE = -213
CONSENT_MISSING = 214
CONSENT_INVALID = 215
INVALID_MOBILE = 220
INVALID_MOBILE_AND_EMAIL = 221
LIST_TITLE_TAKEN = 250
LIST_TITLE_EMPTY = 251
LIST_IN_USE = 252
INVALID_FIELD_KEY = 253
INVALID_FIELD_NAME = 254
FIELD_NAME_TAKEN = 255
OPTIONS_NOT_ALLOWED = 256
OPTIONS_MISSING = 257
INVALID_FIELD_TYPE = 259
INVALID_UNSUBSCRIBE_SETTING = 261
MALFORMED = 400
NOT_AN_AGENCY = 403
NOT_FOUND = 404
RATE_LIMIT = 429
SERVER_ERROR = 500
INVALID_PAGE = 800
INVALID_PAGE_SIZE = 801
INVALID_ORDER_FIELD = 802
INVALID_ORDER_DIRECTION = 803

LIVE_INVALID_EMAIL_MESSAGE = "Please provide a valid email address."
ADDRESS_THROTTLE_MESSAGE = "Subscriber was added too many times too quickly, try again later."  # seen live

MESSAGES = {
    INVALID_EMAIL: "Invalid Email Address",
    INVALID_DATE: "Invalid date",
    NO_PERMISSION: "The token lacks a permission that this call needs",
    INVALID_API_KEY: "Invalid API Key",
    INVALID_LIST_ID: "Invalid ListID",
    INVALID_CLIENT_ID: "Invalid ClientID",
    INVALID_TOKEN: "Invalid OAuth Token",
    EXPIRED_TOKEN: "Expired OAuth Token",
    REVOKED_TOKEN: "Revoked OAuth Token",
    TOO_MANY_CLIENTS: "No more than 5 clients can be created in 30 minutes",
    NOT_SUPPRESSED: "The address is not on the suppression list",
    ADDRESS_TAKEN: "The new address is already on the list",
    NOT_ON_LIST: "Subscriber not in list or has already been removed.",
    SUPPRESSED: "On the suppression list, not added",
    DELETED: "Deleted from this list before, not added",
    UNSUBSCRIBED: "Unsubscribed from this list, not added",
    BOUNCED: "Bounced on this list, not added",
    UNCONFIRMED: "Has not confirmed the subscription to this list, not added",
    BATCH_TOO_LARGE: "An import takes at most 1000 subscribers",
    IMPORT_FAILURES: "Subscriber Import had some failures",
    INVALID_NEW_EMAIL: "The new email address is invalid",
    EMPTY_BATCH: "An import needs at least one subscriber",
    CONSENT_MISSING_LIVE: "Please provide a consent to track value.",
    CONSENT_MISSING: "ConsentToTrack is missing",
    CONSENT_INVALID: "ConsentToTrack is not one of Yes, No, Unchanged",
    INVALID_MOBILE: "Invalid mobile number",
    INVALID_MOBILE_AND_EMAIL: "Invalid mobile number and email address",
    LIST_TITLE_TAKEN: "The client has a list with this title",
    LIST_TITLE_EMPTY: "The list needs a title",
    LIST_IN_USE: "The list is used by a draft campaign",
    INVALID_FIELD_KEY: "Invalid custom field key",
    INVALID_FIELD_NAME: "Invalid custom field name",
    FIELD_NAME_TAKEN: "The list has a custom field with this name",
    OPTIONS_NOT_ALLOWED: "This type of custom field takes no options",
    OPTIONS_MISSING: "This type of custom field needs options",
    INVALID_FIELD_TYPE: "Invalid custom field type",
    INVALID_UNSUBSCRIBE_SETTING: "UnsubscribeSetting is neither AllClientLists nor OnlyThisList",
    MALFORMED: "Failed to deserialize your request.",
    NOT_AN_AGENCY: "Not allowed for a Non-agency Customer",
    NOT_FOUND: "Not found",
    RATE_LIMIT: "Rate limit exceeded",
    SERVER_ERROR: "Sorry, we've run into a problem",
    INVALID_PAGE: "page is not a number of at least 1",
    INVALID_PAGE_SIZE: "pagesize is not a number from 10 to 1000",
    INVALID_ORDER_FIELD: "orderfield is not one that this listing can be ordered by",
    INVALID_ORDER_DIRECTION: "orderdirection is neither asc nor desc",
}

_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_STATUS = {
    NO_PERMISSION: _UNAUTHORIZED,
    INVALID_API_KEY: _UNAUTHORIZED,
    INVALID_LIST_ID: _UNAUTHORIZED,
    INVALID_CLIENT_ID: _UNAUTHORIZED,
    INVALID_TOKEN: _UNAUTHORIZED,
    EXPIRED_TOKEN: _UNAUTHORIZED,
    REVOKED_TOKEN: _UNAUTHORIZED,
    NOT_AN_AGENCY: 403,
    NOT_FOUND: 404,
    RATE_LIMIT: 429,
    SERVER_ERROR: 500,
}


class ApiError(Exception):
    """A request that is answered with an error.

    Attributes:
        code: The service's code.
        message: The text that goes with it.
        status: HTTP status.
    """

    def __init__(self, code: int, message: str | None = None) -> None:
        """Take the message of the code unless another is given."""
        self.code = code
        self.message = message or MESSAGES[code]
        self.status = _STATUS.get(code, _BAD_REQUEST)
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"Code": self.code, "Message": self.message}


def malformed(subject: str) -> ApiError:
    """Return the error for a body that is not JSON or not of the expected form."""
    return ApiError(MALFORMED, f"{MESSAGES[MALFORMED]}\nFields in error: {subject}")
