"""What an activity hands to its work, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Job(NamedTuple):
    """The work of one activity.

    Attributes:
        account_id: The account.
        order: What to do, in JSON; each kind has its own form.
        payload: Rows of an import, in JSON.
        at: When it is done, in seconds since 1970-01-01 UTC.
        broken: Whether the activity is to end in another way than completed.
    """

    account_id: int
    order: str
    payload: bytes
    at: int
    broken: bool


class Done(NamedTuple):
    """What became of it.

    Attributes:
        status: The counters.
        errors: What `activity_errors` shows.
        result: Link to a result, for exports.
    """

    status: dict[str, int]
    errors: Sequence[str | dict[str, str]] = ()
    result: str | None = None
