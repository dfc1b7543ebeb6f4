"""Campaign Monitor's answers: codes become errors and outcomes. Pure. The code decides, never the HTTP status alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audience_sdk.contact import Outcome, RowProblem, email_key_of
from audience_sdk.destination import BatchRefusedError, BatchResult
from audience_sdk.errors import (
    CONNECTION_LOST,
    CREDENTIALS_REFUSED,
    LIST_UNKNOWN,
    PERMISSION_MISSING,
    PERSON_SUPPRESSED,
    REQUEST_REFUSED,
    ROW_REJECTED,
    ROW_UNCONFIRMED,
    CixError,
)

if TYPE_CHECKING:
    from audience_sdk.destination import Batch
    from audience_sdk.http import Reply

SOME_FAILED = 210
"""An import of which some rows failed; the others are stored."""

_NOT_DESERIALISED = 400
_TRACKING_CONSENT = {-213, 214, 215}

_RUN_ENDS = {
    60: (PERMISSION_MISSING, "The credentials may not do this (code 60)."),
    100: (CREDENTIALS_REFUSED, "Campaign Monitor does not know this API key (code 100)."),
    101: (LIST_UNKNOWN, "Campaign Monitor knows no such list, or it is another account's (code 101)."),
    102: (LIST_UNKNOWN, "The client of this list is not this account's (code 102)."),
    120: (CONNECTION_LOST, "Campaign Monitor does not know this OAuth token (code 120)."),
    121: (CONNECTION_LOST, "The OAuth token has expired (code 121)."),
    122: (CONNECTION_LOST, "The OAuth token was revoked (code 122)."),
    403: (PERMISSION_MISSING, "This kind of account may not do this (code 403)."),
}

DELETED = RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Deleted from the list before (code 205).")
_NOT_ON_LIST = 203

_ROW_PROBLEMS = {
    1: RowProblem(Outcome.REJECTED, ROW_REJECTED, "Campaign Monitor takes the address for invalid (code 1)."),
    204: RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "On the client's suppression list (code 204)."),
    205: DELETED,
    206: RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Unsubscribed from the list (code 206)."),
    207: RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Bounced (code 207)."),
    208: RowProblem(Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Has not confirmed the subscription (code 208)."),
    220: RowProblem(Outcome.REJECTED, ROW_REJECTED, "The mobile number is invalid (code 220)."),
    221: RowProblem(Outcome.REJECTED, ROW_REJECTED, "The address and the mobile number are invalid (code 221)."),
}


def error_of(reply: Reply, what: str) -> CixError:
    """Return the error that an answer means.

    Args:
        reply: An answer that is no success.
        what: What was asked for, such as `list 1157…`.
    """
    body = reply.json()
    code = body.get("Code") if isinstance(body, dict) else None
    if code in _RUN_ENDS:
        kind, text = _RUN_ENDS[code]
        return CixError(kind, f"{what}: {text}")
    return CixError(REQUEST_REFUSED, f"{what}: Campaign Monitor answered HTTP {reply.status}, code {code}.")


def import_result(batch: Batch, reply: Reply) -> BatchResult:
    """Return what became of an imported batch.

    Args:
        batch: The rows.
        reply: The answer of the import call. A 400 of code 210 is a partial success: the other rows are stored.

    Raises:
        BatchRefusedError: If nothing was stored because of what is in the rows.
        CixError: If the run cannot go on.
    """
    body = reply.json()
    if not isinstance(body, dict):
        raise error_of(reply, "Import")
    if reply.ok:
        return _stored(batch, body)
    code, result = body.get("Code"), body.get("ResultData")
    if code == SOME_FAILED and isinstance(result, dict):
        return _stored(batch, result)
    if code in _TRACKING_CONSENT:
        raise CixError(
            REQUEST_REFUSED,
            f"Import: Campaign Monitor wants another value for the consent to tracking (code {code}).",
            "Check the setting `consent_to_track`.",
        )
    if code == _NOT_DESERIALISED or code in _ROW_PROBLEMS:
        reason = f"Campaign Monitor refused the import of this row (code {code})."
        raise BatchRefusedError(_ROW_PROBLEMS.get(code, RowProblem(Outcome.REJECTED, ROW_REJECTED, reason)))
    raise error_of(reply, "Import")


def leaving_problem(reply: Reply) -> RowProblem | None:
    """Return why a person could not be taken off a list, or None if they are off it.

    Args:
        reply: The answer. Code 203 says that the person is not on the list, which is what was wanted.

    Raises:
        CixError: If the run cannot go on.
    """
    if reply.ok:
        return None
    body = reply.json()
    code = body.get("Code") if isinstance(body, dict) else None
    if code == _NOT_ON_LIST:
        return None
    if code in _RUN_ENDS:
        raise error_of(reply, "Taking a person off the list")
    reason = f"Campaign Monitor did not take the person off the list (HTTP {reply.status}, code {code})."
    return RowProblem(Outcome.FAILED, ROW_UNCONFIRMED, reason)


def _stored(batch: Batch, result: dict[str, Any]) -> BatchResult:
    keys = {row.email_key for row in batch.rows}
    problems = {}
    for failure in result.get("FailureDetails") or []:
        key = email_key_of(str(failure.get("EmailAddress", "")))
        if key not in keys:
            message = "Import: Campaign Monitor reports a failed row that was not sent."
            raise CixError(REQUEST_REFUSED, message, in_doubt=True)
        problems[key] = _row_problem(failure)
    created = result.get("TotalNewSubscribers")
    stored = len(batch.rows) - len(problems)
    return BatchResult(problems, min(created, stored) if isinstance(created, int) else None)


def _row_problem(failure: dict[str, Any]) -> RowProblem:
    code = failure.get("Code")
    if code in _ROW_PROBLEMS:
        return _ROW_PROBLEMS[code]
    reason = f"Campaign Monitor answered: {failure.get('Message', 'no reason')} (code {code})."
    return RowProblem(Outcome.REJECTED, ROW_REJECTED, reason)
