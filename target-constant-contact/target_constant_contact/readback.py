"""What became of each row of an import, where the platform gives counts only: its people are read back."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from target_constant_contact.answers import NOT_TAKEN, UNSUBSCRIBED
from target_constant_contact.contacts import address_of, is_unsubscribed, look_up
from target_constant_contact.paging import pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audience_sdk.contact import RowProblem
    from audience_sdk.destination import Batch
    from audience_sdk.http import Api

_CLOCK_SKEW_SECONDS = 120
_SINGLE_LOOK_UPS = 100
"""Up to so many people are looked up one by one; beyond, reading whole listings takes fewer requests."""


def read_back(api: Api, batch: Batch, list_id: str) -> dict[str, RowProblem]:
    """Find the rows of a batch that did not land on a list, and why.

    Args:
        api: The API.
        batch: The rows.
        list_id: The list that the import named.

    Returns:
        The problem by `email_key`, for the rows that are not on the list.
    """
    missing = {row.email_key for row in batch.rows}
    since = datetime.fromtimestamp(batch.sent_at - _CLOCK_SKEW_SECONDS, timezone.utc)
    on_list = {"lists": list_id, "status": "all", "limit": 500}
    missing -= set(_addresses(api, {**on_list, "updated_after": f"{since:%Y-%m-%dT%H:%M:%SZ}"}))
    if len(missing) <= _SINGLE_LOOK_UPS:
        found = {email: _look_up(api, email, list_id) for email in sorted(missing)}
        return {email: problem for email, problem in found.items() if problem is not None}
    # A contact that the import left as it was may keep its old time of change, so the whole list is asked too.
    missing -= set(_addresses(api, on_list))
    unsubscribed = missing.intersection(_addresses(api, {"status": "unsubscribed", "limit": 500}))
    return {email: UNSUBSCRIBED if email in unsubscribed else NOT_TAKEN for email in missing}


def _addresses(api: Api, query: Mapping[str, Any]) -> Iterator[str]:
    return filter(None, map(address_of, pages(api, "/contacts", "contacts", query)))


def _look_up(api: Api, email_key: str, list_id: str) -> RowProblem | None:
    contact = look_up(api, email_key)
    if contact is None:
        return NOT_TAKEN
    if list_id in contact.get("list_memberships", ()):
        return None
    return UNSUBSCRIBED if is_unsubscribed(contact) else NOT_TAKEN
