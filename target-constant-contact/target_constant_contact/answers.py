"""Constant Contact's answers: bodies of four shapes become errors, activities become results. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from audience_sdk.contact import Outcome, RowProblem
from audience_sdk.errors import (
    ANSWER_UNKNOWN,
    CONNECTION_LOST,
    CONTACT_DELETED,
    LIST_UNKNOWN,
    MAY_HAVE_LEFT,
    PERMISSION_MISSING,
    PERSON_SUPPRESSED,
    QUOTA_SPENT,
    REQUEST_REFUSED,
    ROW_REJECTED,
    ROW_UNCONFIRMED,
    THROTTLED,
    CixError,
)
from audience_sdk.http import Again, again_on_faults
from audience_sdk.redaction import redacted, without_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audience_sdk.http import Reply

LOST = "lost"
"""Our word for the state of an activity that the service does not know any more."""

TERMINAL_STATES = {"completed", "cancelled", "failed", "timed_out", "time_out", LOST}
"""States of an activity that has ended; one of the vendor's texts writes `time_out`."""

STATES = {"initialized", "processing"}
"""States of an activity that has not ended."""

_QUOTA_KEY = "quota_exceeded"
_THROTTLED_KEY = "throttled"
_REFUSED = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.NOT_ACCEPTABLE,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
"""What the vendor's API contract and its gateway say of a request that is wrong in itself."""

_HEADING = 2
"""The rows of an import are counted as lines of a file: the first one is line 2, below a heading that is not there."""
_LINE = re.compile(r"\s*line\s+(\d+)\s*:?\s*(.*)", re.IGNORECASE | re.DOTALL).fullmatch
_MOST_REASON = 200

UNSUBSCRIBED = RowProblem(
    Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Unsubscribed at Constant Contact, so not added to the list."
)
DELETED = RowProblem(
    Outcome.SUPPRESSED, CONTACT_DELETED, "Deleted at Constant Contact; its change was not sent, to leave it deleted."
)
LEFT = RowProblem(
    Outcome.SUPPRESSED, MAY_HAVE_LEFT, "The contact has changed since the import began and is not on the list."
)
FULL = RowProblem(Outcome.REJECTED, ROW_REJECTED, "On 50 lists already, the most that Constant Contact has for one.")
LONG_ADDRESS = RowProblem(
    Outcome.REJECTED, ROW_REJECTED, "Constant Contact's import refuses addresses of more than 50 characters."
)

UNTOUCHED = RowProblem(
    Outcome.FAILED, ROW_UNCONFIRMED, "The import had no answer, and the person does not show that it has reached them."
)
STILL_ON_LIST = RowProblem(
    Outcome.REJECTED,
    ROW_UNCONFIRMED,
    "Constant Contact has ended taking people off the list, and has left this one on.",
)


def not_taken(reason: str = "") -> RowProblem:
    """Return the problem of a row that did not land.

    Args:
        reason: What the service says of it, if it does.
    """
    if reason:
        return RowProblem(Outcome.REJECTED, ROW_REJECTED, f"Constant Contact did not take the row: {reason}")
    return RowProblem(Outcome.REJECTED, ROW_REJECTED, "Constant Contact did not take the row and does not say why.")


def error_key(reply: Reply) -> str:
    """Return the `error_key` of an answer, or nothing; errors come as an array, as an object, or not as JSON.

    Args:
        reply: The answer.
    """
    body = reply.json()
    first = body[0] if isinstance(body, list) and body else body
    return str(first.get("error_key", "")) if isinstance(first, dict) else ""


def again(reply: Reply) -> Again | None:
    """Say whether an answer is worth a retry: a throttle is; a spent daily quota and a full job queue take longer.

    Args:
        reply: The answer.
    """
    return None if error_key(reply) == _QUOTA_KEY or is_queue_full(reply) else again_on_faults(reply)


def is_queue_full(reply: Reply) -> bool:
    """Say whether there are too many activities at the platform; which key says so is not documented.

    Args:
        reply: The answer.
    """
    known = {_QUOTA_KEY, _THROTTLED_KEY, ""}
    return reply.status == HTTPStatus.TOO_MANY_REQUESTS and error_key(reply) not in known


def error_of(reply: Reply, what: str) -> CixError:
    """Return the error that an answer means.

    Args:
        reply: An answer that is no success.
        what: What was asked for, such as `list 1157…`.
    """
    key = error_key(reply)
    if key == _QUOTA_KEY:
        return CixError(QUOTA_SPENT, f"{what}: the quota of requests for this day is spent; it resets at 00:00 UTC.")
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return CixError(CONNECTION_LOST, f"{what}: Constant Contact refused a fresh access token.")
    if reply.status == HTTPStatus.FORBIDDEN:
        return CixError(
            PERMISSION_MISSING,
            f"{what}: Constant Contact forbids it.",
            "Check that the connection has the scopes `contact_data` and `offline_access`, that its user may change"
            " contacts and lists, and that the application is active.",
        )
    told = f"{what}: {redacted(reply.status, reply.body)}."
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return CixError(THROTTLED, told)
    return CixError(REQUEST_REFUSED if reply.status in _REFUSED else ANSWER_UNKNOWN, told)


def list_error(reply: Reply, list_id: str) -> CixError:
    """Return the error that an answer about a list means.

    Args:
        reply: An answer that is no success.
        list_id: The list.
    """
    if reply.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
        return CixError(LIST_UNKNOWN, f"List {list_id} does not exist in this Constant Contact account.")
    return error_of(reply, f"List {list_id}")


def moment_of(text: Any) -> datetime | None:
    """Return a time of the service's, such as `2026-09-29T18:35:42Z`, or None.

    Args:
        text: What the answer has there.
    """
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None


def counter(activity: Mapping[str, Any], name: str) -> int | None:
    """Return a counter of an activity, or None where it has none.

    Args:
        activity: The activity.
        name: Name of the counter.
    """
    value = (activity.get("status") or {}).get(name)
    return value if isinstance(value, int) else None


def all_landed(activity: Mapping[str, Any], rows: int) -> bool:
    """Say whether a completed import took every row; one that does not say so did not.

    Args:
        activity: The activity, with its counters.
        rows: How many rows were sent.
    """
    problems = ("error_count", "correctable_count", "cannot_add_to_list_count")
    return (
        counter(activity, "person_count") == rows
        and not any(counter(activity, name) for name in problems)
        and not activity.get("activity_errors")
    )


def all_done(activity: Mapping[str, Any]) -> bool:
    """Say whether a completed change of memberships was carried out for everybody, as far as it says anything.

    Args:
        activity: The activity, with its counters.
    """
    total, done = counter(activity, "items_total_count"), counter(activity, "items_completed_count")
    return (total is None or done is None or done >= total) and not activity.get("activity_errors")


def reasons(activity: Mapping[str, Any], rows: int) -> dict[int, str]:
    """Return what an import says of single rows, by the row's position, without anybody's values.

    No document says how an element of `activity_errors` looks; texts and objects that begin `Line 2:` are seen in
    other clients. Whoever uses this checks the row that it points at.

    Args:
        activity: The activity.
        rows: How many rows were sent.
    """
    found = {}
    for each in activity.get("activity_errors") or ():
        text = str(each.get("message") or "") if isinstance(each, dict) else str(each)
        match = _LINE(text)
        position = int(match[1]) - _HEADING if match and len(match[1]) < len(str(rows)) + 2 else -1
        if match and 0 <= position < rows:
            found[position] = without_values(match[2])[:_MOST_REASON]
    return found
