"""Campaign Monitor's codes and what they mean here: data, after the vendor's list of errors and what was seen live."""

from __future__ import annotations

from audience_sdk.contact import Outcome, RowProblem
from audience_sdk.errors import (
    CONNECTION_LOST,
    CREDENTIALS_REFUSED,
    LIST_UNKNOWN,
    PERMISSION_MISSING,
    PERSON_SUPPRESSED,
    PLATFORM_UNREACHABLE,
    REQUEST_REFUSED,
    ROW_REJECTED,
    THROTTLED,
    ErrorCode,
)

SOME_FAILED = 210
"""An import of which some rows failed; the others are stored."""

NOT_DESERIALISED = 400
"""A body that the platform cannot read, perhaps for the sake of one row."""

NOT_ON_LIST = 203
NAME_TAKEN = 255
"""A list has a custom field of this name already."""

TRACKING_CONSENT = frozenset({-213, 214, 215})
"""No or no valid consent to tracking: 214 and 215 are documented, -213 was seen live in place of 214."""

CREDENTIALS = frozenset({60, 100, 101, 102, 120, 121, 122, 403})
"""Codes that every further request would get too."""

DELETED = RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Deleted from the list before (code 205).")
HELD_BACK = RowProblem(
    Outcome.SUPPRESSED, PERSON_SUPPRESSED, "On the client's suppression list, which was read first; not sent."
)

_NO_CONSENT = "The consent to tracking is missing or wrong (code {}); see the setting `consent_to_track`."
ROW_PROBLEMS: dict[int, RowProblem] = {
    1: RowProblem(Outcome.REJECTED, ROW_REJECTED, "Campaign Monitor takes the address for invalid (code 1)."),
    204: RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "On the client's suppression list (code 204)."),
    205: DELETED,
    206: RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Unsubscribed from the list (code 206)."),
    207: RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Bounced (code 207)."),
    208: RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Has not confirmed the subscription (code 208)."),
    220: RowProblem(Outcome.REJECTED, ROW_REJECTED, "The mobile number is invalid (code 220)."),
    221: RowProblem(Outcome.REJECTED, ROW_REJECTED, "The address and the mobile number are invalid (code 221)."),
    429: RowProblem(Outcome.DEFERRED, THROTTLED, "The address was written too often in a short time (code 429)."),
    **{code: RowProblem(Outcome.REJECTED, ROW_REJECTED, _NO_CONSENT.format(code)) for code in TRACKING_CONSENT},
}
"""What a code means for one row, in an import's `FailureDetails` or as the answer about one person."""

ERRORS: dict[int, tuple[ErrorCode, str]] = {
    -213: (REQUEST_REFUSED, "the consent to tracking is missing"),
    1: (REQUEST_REFUSED, "the address is invalid"),
    5: (REQUEST_REFUSED, "a date is invalid"),
    60: (PERMISSION_MISSING, "the credentials may not do this"),
    100: (CREDENTIALS_REFUSED, "Campaign Monitor does not know this API key"),
    101: (LIST_UNKNOWN, "Campaign Monitor knows no such list, or it is another account's"),
    102: (LIST_UNKNOWN, "the client of this list is not this account's"),
    110: (REQUEST_REFUSED, "the call is no longer supported"),
    120: (CONNECTION_LOST, "Campaign Monitor does not know this OAuth token"),
    121: (CONNECTION_LOST, "the OAuth token has expired"),
    122: (CONNECTION_LOST, "the OAuth token was revoked"),
    172: (REQUEST_REFUSED, "too many clients were created in the last 30 minutes"),
    176: (REQUEST_REFUSED, "the address is not on the suppression list"),
    201: (REQUEST_REFUSED, "the new address is on the list already"),
    203: (REQUEST_REFUSED, "the person is not on the list"),
    204: (REQUEST_REFUSED, "the person is on the suppression list"),
    205: (REQUEST_REFUSED, "the person was deleted from the list"),
    206: (REQUEST_REFUSED, "the person has unsubscribed"),
    207: (REQUEST_REFUSED, "the address has bounced"),
    208: (REQUEST_REFUSED, "the person has not confirmed the subscription"),
    209: (REQUEST_REFUSED, "an import had more than 1,000 rows"),
    210: (REQUEST_REFUSED, "an import failed in part, and which part was not told"),
    211: (REQUEST_REFUSED, "the new address is invalid"),
    212: (REQUEST_REFUSED, "an import had no rows"),
    214: (REQUEST_REFUSED, "the consent to tracking is missing"),
    215: (REQUEST_REFUSED, "the consent to tracking is invalid"),
    220: (REQUEST_REFUSED, "the mobile number is invalid"),
    221: (REQUEST_REFUSED, "the address and the mobile number are invalid"),
    250: (REQUEST_REFUSED, "the client has a list of this title"),
    251: (REQUEST_REFUSED, "the title of the list is empty"),
    252: (REQUEST_REFUSED, "a draft campaign uses the list"),
    253: (REQUEST_REFUSED, "the list has no custom field of this key"),
    254: (REQUEST_REFUSED, "the name of the custom field is invalid"),
    255: (REQUEST_REFUSED, "the list has a custom field of this name"),
    256: (REQUEST_REFUSED, "this type of custom field has no options"),
    257: (REQUEST_REFUSED, "this type of custom field needs options"),
    259: (REQUEST_REFUSED, "there is no such type of custom field"),
    261: (REQUEST_REFUSED, "the unsubscribe setting of the list is neither of the two that there are"),
    **dict.fromkeys(range(271, 288), (REQUEST_REFUSED, "a segment of the list is refused")),
    278: (PLATFORM_UNREACHABLE, "a segment of the list is being calculated"),
    287: (PLATFORM_UNREACHABLE, "a segment of the list is busy"),
    400: (REQUEST_REFUSED, "Campaign Monitor could not read the request"),
    403: (PERMISSION_MISSING, "this kind of account may not do this"),
    404: (REQUEST_REFUSED, "there is no such call or resource; check `api_url`"),
    429: (THROTTLED, "Campaign Monitor asks to slow down"),
    500: (PLATFORM_UNREACHABLE, "Campaign Monitor had a fault"),
    601: (REQUEST_REFUSED, "the address of a webhook is invalid"),
    602: (REQUEST_REFUSED, "the format of a webhook is invalid"),
    603: (REQUEST_REFUSED, "the event of a webhook is invalid"),
    610: (REQUEST_REFUSED, "the test of a webhook failed"),
    800: (REQUEST_REFUSED, "the page is invalid"),
    801: (REQUEST_REFUSED, "the size of the page is invalid"),
    802: (REQUEST_REFUSED, "a listing cannot be ordered so"),
    803: (REQUEST_REFUSED, "the direction of an order is invalid"),
    980: (REQUEST_REFUSED, "transactional e-mail is not available to this account"),
}
"""What a code means where it is the answer to a whole request."""
