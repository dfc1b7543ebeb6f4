"""Constant Contact's answers: bodies of four shapes become errors, activities become results. Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from audience_sdk.contact import Outcome, RowProblem
from audience_sdk.errors import (
    CONNECTION_LOST,
    LIST_UNKNOWN,
    PERMISSION_MISSING,
    PERSON_SUPPRESSED,
    QUOTA_SPENT,
    REQUEST_REFUSED,
    ROW_REJECTED,
    CixError,
)
from audience_sdk.http import Again, again_on_faults

if TYPE_CHECKING:
    from audience_sdk.http import Reply

LOST = "lost"
"""Our word for the state of an activity that the service does not know any more."""

TERMINAL_STATES = {"completed", "cancelled", "failed", "timed_out", "time_out", LOST}
"""States of an activity that has ended; one of the vendor's texts writes `time_out`."""

_QUOTA_KEY = "quota_exceeded"

UNSUBSCRIBED = RowProblem(
    Outcome.SUPPRESSED, PERSON_SUPPRESSED, "Unsubscribed at Constant Contact, so not added to the list."
)
NOT_TAKEN = RowProblem(Outcome.REJECTED, ROW_REJECTED, "Constant Contact did not take the row and does not say why.")


def error_key(reply: Reply) -> str:
    """Return the `error_key` of an answer, or nothing; errors come as an array, as an object, or not as JSON.

    Args:
        reply: The answer.
    """
    body = reply.json()
    first = body[0] if isinstance(body, list) and body else body
    return str(first.get("error_key", "")) if isinstance(first, dict) else ""


def again(reply: Reply) -> Again | None:
    """Say whether an answer is worth a retry: a spent daily quota is not, a throttle and a full job queue are.

    Args:
        reply: The answer.
    """
    return None if error_key(reply) == _QUOTA_KEY else again_on_faults(reply)


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
    return CixError(REQUEST_REFUSED, f"{what}: Constant Contact answered HTTP {reply.status} ({key or 'no key'}).")


def list_error(reply: Reply, list_id: str) -> CixError:
    """Return the error that an answer about a list means.

    Args:
        reply: An answer that is no success.
        list_id: The list.
    """
    if reply.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
        return CixError(LIST_UNKNOWN, f"List {list_id} does not exist in this Constant Contact account.")
    return error_of(reply, f"List {list_id}")


def all_landed(activity: dict[str, Any], rows: int) -> bool:
    """Say whether a completed import took every row.

    Args:
        activity: The activity, with its counters.
        rows: How many rows were sent.
    """
    counters = activity.get("status") or {}
    problems = sum(
        int(counters.get(name) or 0) for name in ("error_count", "correctable_count", "cannot_add_to_list_count")
    )
    people = counters.get("person_count")
    return problems == 0 and not activity.get("activity_errors") and (people is None or people == rows)
