"""Campaign Monitor's answers: codes become errors and outcomes. Pure. The code decides, never the HTTP status alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from audience_sdk.contact import Outcome, RowProblem, email_key_of
from audience_sdk.destination import BatchRefusedError, BatchResult
from audience_sdk.errors import ANSWER_UNKNOWN, REQUEST_REFUSED, ROW_REJECTED, ROW_UNCONFIRMED, CixError
from audience_sdk.redaction import redacted, without_values

from target_campaign_monitor.codes import (
    CREDENTIALS,
    ERRORS,
    NOT_DESERIALISED,
    NOT_ON_LIST,
    ROW_PROBLEMS,
    SOME_FAILED,
    TRACKING_CONSENT,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from audience_sdk.contact import StagedRow
    from audience_sdk.destination import Batch
    from audience_sdk.http import Reply

_ON_LIST = {"active", "unconfirmed"}
"""States of people who have not left: whoever confirms is active."""
_COUNTS = ("TotalUniqueEmailsSubmitted", "TotalExistingSubscribers", "TotalNewSubscribers")


def code_of(reply: Reply) -> int | None:
    """Return the platform's own code of an answer, or None where it has none.

    Args:
        reply: The answer.
    """
    body = reply.json()
    code = body.get("Code") if isinstance(body, dict) else None
    return code if isinstance(code, int) else None


def error_of(reply: Reply, what: str) -> CixError:
    """Return the error that an answer means.

    Args:
        reply: An answer that is no success.
        what: What was asked for, such as `List 1157…`.
    """
    code = code_of(reply)
    if code is None or code not in ERRORS:
        return _unknown(reply, what)
    kind, text = ERRORS[code]
    return CixError(kind, f"{what}: {text} (code {code}).")


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
        raise _unknown(reply, "Import", batch)
    if reply.ok:
        return _stored(batch, reply, body)
    code, result = code_of(reply), body.get("ResultData")
    if code == SOME_FAILED and isinstance(result, dict):
        return _stored(batch, reply, result)
    if code in TRACKING_CONSENT:
        raise CixError(
            REQUEST_REFUSED,
            f"Import: Campaign Monitor wants another value for the consent to tracking (code {code}).",
            "Check the setting `consent_to_track`.",
        )
    if code == NOT_DESERIALISED or code in ROW_PROBLEMS:
        reason = f"Campaign Monitor refused the import of this row (code {code})."
        raise BatchRefusedError(ROW_PROBLEMS.get(code, RowProblem(Outcome.REJECTED, ROW_REJECTED, reason)))
    if code not in ERRORS:
        raise _unknown(reply, "Import", batch)
    error = error_of(reply, "Import")
    # What was not told to have failed is stored.
    error.in_doubt = code == SOME_FAILED
    raise error


def leaving_problem(row: StagedRow, reply: Reply) -> RowProblem | None:
    """Return why a person could not be taken off a list, or None if they are off it.

    Args:
        row: The person.
        reply: The answer. Code 203 says that the person is not on the list, which is what was wanted.

    Raises:
        CixError: If the run cannot go on.
    """
    code = code_of(reply)
    if code == NOT_ON_LIST or (reply.ok and not _is_page(reply)):
        return None
    if code in CREDENTIALS:
        raise error_of(reply, "Taking a person off the list")
    if code in ERRORS:
        reason = f"Campaign Monitor did not take the person off the list: {ERRORS[code][1]} (code {code})."
        return RowProblem(Outcome.REJECTED, ROW_UNCONFIRMED, reason)
    answer = redacted(reply.status, reply.body, (row.email, row.email_key))
    return RowProblem(Outcome.FAILED, ANSWER_UNKNOWN, f"Taking a person off the list: {answer}")


def may_be_taken_off(row: StagedRow, reply: Reply) -> RowProblem | bool:
    """Return whether a person is on a list, or why that is not known.

    Args:
        row: The person.
        reply: The answer to the question for them.

    Raises:
        CixError: If the run cannot go on.
    """
    problem = leaving_problem(row, reply)
    if problem is not None:
        # Nothing has been asked for yet.
        return replace(problem, outcome=Outcome.DEFERRED)
    if not reply.ok:
        return False
    person = reply.json()
    state = person.get("State") if isinstance(person, dict) else None
    if not isinstance(state, str):
        answer = redacted(reply.status, reply.body, (row.email, row.email_key))
        return RowProblem(Outcome.DEFERRED, ANSWER_UNKNOWN, f"Looking at a person who is to leave: {answer}")
    return state.casefold() in _ON_LIST


def _is_page(reply: Reply) -> bool:
    """Say whether an answer holds something other than JSON, such as the page of a proxy."""
    return bool(reply.body.strip()) and reply.json() is None and reply.body.strip() != b"null"


def _stored(batch: Batch, reply: Reply, result: dict[str, Any]) -> BatchResult:
    failures = result.get("FailureDetails")
    if not isinstance(failures, list) or not all(isinstance(result.get(name), int) for name in _COUNTS):
        # Whoever answered so, it was not the import.
        raise _unknown(reply, "Import", batch)
    rows = {row.email_key: row for row in batch.rows}
    problems = {}
    for failure in failures:
        key = email_key_of(str(failure.get("EmailAddress", "")))
        if key not in rows:
            message = "Import: Campaign Monitor reports a failed row that was not sent."
            raise CixError(REQUEST_REFUSED, message, in_doubt=True)
        problems[key] = _row_problem(rows[key], failure)
    stored = len(batch.rows) - len(problems)
    return BatchResult(problems, min(result["TotalNewSubscribers"], stored), warnings=tuple(_oddities(batch, result)))


def _oddities(batch: Batch, result: Mapping[str, Any]) -> Iterator[str]:
    unique, existing, created = (result[name] for name in _COUNTS)
    duplicates = result.get("DuplicateEmailsInSubmission") or []
    if duplicates:
        yield "Campaign Monitor takes two addresses of one import for the same; one of the rows counts."
    if unique + len(duplicates) != len(batch.rows) or unique != existing + created + len(result["FailureDetails"]):
        yield "Campaign Monitor's counts of an import do not add up to the rows that were sent."


def _row_problem(row: StagedRow, failure: dict[str, Any]) -> RowProblem:
    code = failure.get("Code")
    if code in ROW_PROBLEMS:
        return ROW_PROBLEMS[code]
    message = without_values(str(failure.get("Message", "no reason")), _sent([row]))
    return RowProblem(Outcome.REJECTED, ANSWER_UNKNOWN, f"Import of a row: {message} (code {code}).")


def _unknown(reply: Reply, what: str, batch: Batch | None = None) -> CixError:
    """Return the error for an answer that nobody knows; whether it was carried out is not known either."""
    sent = _sent(batch.rows) if batch is not None else ()
    return CixError(ANSWER_UNKNOWN, f"{what}: {redacted(reply.status, reply.body, sent)}.", in_doubt=True)


def _sent(rows: Iterable[StagedRow]) -> set[str]:
    """Return the texts of rows that an answer could repeat."""
    return set(_texts([(row.email_key, row.email, row.row_key, row.payload) for row in rows]))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, bytes):
        yield from _texts(msgspec.json.decode(value) if value else None)
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value
        # A name can be repeated in part.
        yield from value.split()
